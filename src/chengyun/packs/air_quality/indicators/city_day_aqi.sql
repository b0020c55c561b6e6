-- SPDX-License-Identifier: Apache-2.0
-- name:      日报 AQI 重算
-- one row:   一个城市、其发布日报的一个当地日
-- subject:   city
-- period:    day
-- value:     aqi
-- unit:      1
-- columns:   level = 级别; primary = 首要污染物; exceeded = 超标污染物; iaqi_pm25 = PM2.5 分指数; iaqi_pm10 = PM10 分指数;
--            iaqi_o3 = 臭氧分指数; iaqi_no2 = 二氧化氮分指数; iaqi_so2 = 二氧化硫分指数; iaqi_co = 一氧化碳分指数;
--            pm25_24h = PM2.5 24 小时均值 [µg/m³]; pm10_24h = PM10 24 小时均值 [µg/m³]; no2_24h = 二氧化氮 24 小时均值 [µg/m³];
--            so2_24h = 二氧化硫 24 小时均值 [µg/m³]; co_24h = 一氧化碳 24 小时均值 [mg/m³]; o3_8h = 臭氧日最大 8 小时均值 [µg/m³];
--            published_aqi = 发布 AQI; difference = 重算减发布
-- streams:   city_day
-- rule:      air_of_reports
-- scale:     aqi
-- fresh for: 3 d
-- apart:     subject, period
-- source:    HJ 633-2012、HJ 633-2026，由发布的浓度重算
SELECT city, CAST(day_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       CAST(so2 AS DECIMAL(14, 4)) AS so2,
       CAST(no2 AS DECIMAL(14, 4)) AS no2,
       CAST(co AS DECIMAL(14, 4)) AS co,
       CAST(pm10 AS DECIMAL(14, 4)) AS pm10,
       CAST(pm25 AS DECIMAL(14, 4)) AS pm25,
       CAST(o3_8h AS DECIMAL(14, 4)) AS o3_8h,
       published_aqi, (quality & 128) <> 0 AS simulated
FROM city_day
WHERE day_start >= $since AND day_start < $until
ORDER BY day, city
