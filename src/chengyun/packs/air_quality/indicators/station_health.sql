-- SPDX-License-Identifier: Apache-2.0
-- name:      站点数据有效率
-- one row:   one station, one local day
-- subject:   station
-- period:    day
-- value:     valid_percent
-- unit:      %
-- streams:   station_hour
-- decimals:  0
-- fresh for: 36 h
-- source:    our method: valid hourly means among 24 hours of six pollutants
SELECT h.station, CAST(h.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       100.0 * (COUNT(h.so2) + COUNT(h.no2) + COUNT(h.co) + COUNT(h.o3) + COUNT(h.pm10) + COUNT(h.pm25)) / 144 AS valid_percent,
       COUNT(h.so2) AS so2_hours,
       COUNT(h.no2) AS no2_hours,
       COUNT(h.co) AS co_hours,
       COUNT(h.o3) AS o3_hours,
       COUNT(h.pm10) AS pm10_hours,
       COUNT(h.pm25) AS pm25_hours,
       COUNT(*) FILTER ((h.quality & 1) <> 0) AS out_of_range_hours,
       COUNT(*) FILTER ((h.quality & 2) <> 0) AS spike_hours,
       COUNT(*) FILTER ((h.quality & 4) <> 0) AS stuck_hours,
       COUNT(*) / 24.0 AS coverage, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM station_hour AS h
WHERE h.hour_start >= $since AND h.hour_start < $until AND DATE_TRUNC('hour', h.hour_start) = h.hour_start
GROUP BY h.station, day
ORDER BY day, h.station
