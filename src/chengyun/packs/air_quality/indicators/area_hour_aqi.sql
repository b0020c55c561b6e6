-- SPDX-License-Identifier: Apache-2.0
-- name:      区域小时 AQI
-- one row:   一个区县或城市、一个整点小时：各站点浓度先求平均再评价
-- subject:   area
-- period:    hour
-- value:     aqi
-- unit:      1
-- columns:   level = 级别; primary = 首要污染物; exceeded = 超标污染物; iaqi_pm25 = PM2.5 分指数; iaqi_pm10 = PM10 分指数;
--            iaqi_o3 = 臭氧分指数; iaqi_no2 = 二氧化氮分指数; iaqi_so2 = 二氧化硫分指数; iaqi_co = 一氧化碳分指数;
--            pm25_1h = PM2.5 1 小时均值 [µg/m³]; pm10_1h = PM10 1 小时均值 [µg/m³]; o3_1h = 臭氧 1 小时均值 [µg/m³];
--            no2_1h = 二氧化氮 1 小时均值 [µg/m³]; so2_1h = 二氧化硫 1 小时均值 [µg/m³]; co_1h = 一氧化碳 1 小时均值 [mg/m³];
--            stations = 站点数 [个]
-- streams:   station_hour
-- rule:      air_of_hours
-- scale:     aqi
-- fresh for: 2 h
-- apart:     subject, period
-- goal:      at most aqi.good:upto
-- source:    HJ 633-2012、HJ 633-2026；先求各站点浓度均值：HJ 663-2013
WITH placed AS (
    SELECT s.district_code AS area, h.* FROM station_hour AS h JOIN station AS s ON s.key = h.station
    UNION ALL
    SELECT s.city_code AS area, h.* FROM station_hour AS h JOIN station AS s ON s.key = h.station
)
SELECT h.area, h.hour_start,
       SUM(CAST(h.so2 AS DECIMAL(14, 4))) AS so2_sum, COUNT(h.so2) AS so2_n,
       SUM(CAST(h.no2 AS DECIMAL(14, 4))) AS no2_sum, COUNT(h.no2) AS no2_n,
       SUM(CAST(h.co AS DECIMAL(14, 4))) AS co_sum, COUNT(h.co) AS co_n,
       SUM(CAST(h.o3 AS DECIMAL(14, 4))) AS o3_sum, COUNT(h.o3) AS o3_n,
       SUM(CAST(h.pm10 AS DECIMAL(14, 4))) AS pm10_sum, COUNT(h.pm10) AS pm10_n,
       SUM(CAST(h.pm25 AS DECIMAL(14, 4))) AS pm25_sum, COUNT(h.pm25) AS pm25_n,
       COUNT(DISTINCT h.station) AS stations, (h.quality & 128) <> 0 AS simulated
FROM placed AS h
WHERE h.hour_start >= $since AND h.hour_start < $until AND DATE_TRUNC('hour', h.hour_start) = h.hour_start
  AND h.area IS NOT NULL AND h.area <> ''
GROUP BY h.area, h.hour_start, (h.quality & 128) <> 0
ORDER BY h.hour_start, h.area, simulated
