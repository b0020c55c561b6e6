-- SPDX-License-Identifier: Apache-2.0
-- name:      PM2.5 日均值
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     pm25_24h
-- unit:      µg/m³
-- columns:   hours = 有效小时数 [h]
-- streams:   station_hour
-- parameter: min_hours = validity.day:min_hours
-- decimals:  0
-- fresh for: 36 h
-- apart:     subject, period
-- goal:      at most gb3095.pm25_24h:grade2
-- source:    GB 3095-2012 表 4：日均值至少需 20 个小时均值
SELECT h.station, CAST(h.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       CAST(SUM(CAST(h.pm25 AS DECIMAL(14, 4))) AS DOUBLE) / COUNT(h.pm25) AS pm25_24h,
       COUNT(h.pm25) AS hours, COUNT(h.pm25) / 24.0 AS coverage, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM station_hour AS h
WHERE h.hour_start >= $since AND h.hour_start < $until AND DATE_TRUNC('hour', h.hour_start) = h.hour_start
GROUP BY h.station, day
HAVING COUNT(h.pm25) >= $min_hours
ORDER BY day, h.station
