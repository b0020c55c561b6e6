-- SPDX-License-Identifier: Apache-2.0
-- name:      日报 AQI 重算
-- one row:   one city, one local day of its published report
-- subject:   city
-- period:    day
-- value:     aqi
-- unit:      1
-- streams:   city_day
-- rule:      air_of_reports
-- scale:     aqi
-- fresh for: 3 d
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
