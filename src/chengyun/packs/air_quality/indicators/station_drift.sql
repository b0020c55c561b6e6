-- SPDX-License-Identifier: Apache-2.0
-- name:      与邻近站点偏离
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     apart
-- unit:      %
-- columns:   pm25_24h = PM2.5 24 小时均值 [µg/m³]; neighbours_median = 邻近站点的中位数 [µg/m³]; neighbours = 邻近站点
-- streams:   station_hour
-- rule:      drift_from_neighbours
-- decimals:  0
-- fresh for: 36 h
-- source:    本系统方法：PM2.5 日均值与本市最近站点中位数之差（alerts.drift）
SELECT h.station, CAST(h.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       SUM(CAST(h.pm25 AS DECIMAL(14, 4))) AS pm25_sum, COUNT(h.pm25) AS pm25_n,
       ANY_VALUE(s.lon) AS lon, ANY_VALUE(s.lat) AS lat, ANY_VALUE(s.city_code) AS city_code,
       BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM station_hour AS h JOIN station AS s ON s.key = h.station
WHERE h.hour_start >= $since AND h.hour_start < $until AND DATE_TRUNC('hour', h.hour_start) = h.hour_start
  AND s.lon IS NOT NULL AND s.lat IS NOT NULL AND s.city_code IS NOT NULL AND s.city_code <> ''
GROUP BY h.station, day
ORDER BY day, h.station
