-- SPDX-License-Identifier: Apache-2.0
-- name:      车辆日位移
-- one row:   一辆车、一个当地日
-- subject:   vehicle
-- period:    day
-- value:     km
-- unit:      km
-- columns:   reports = 报告次数 [个]; span_min = 首末报告相隔 [min]
-- streams:   vehicle_position
-- fresh for: 36 h
-- decimals:  1
-- source:    本系统方法：相邻两次报告之间的球面距离之和（半径 6371.0088 km），不沿道路
WITH steps AS (
    SELECT v.vehicle, CAST(v.observed_at AS DATE) AS day, v.observed_at, v.quality, RADIANS(v.lon) AS lon, RADIANS(v.lat) AS lat,
           RADIANS(LAG(v.lon) OVER (PARTITION BY v.vehicle, CAST(v.observed_at AS DATE) ORDER BY v.observed_at)) AS lon_before,
           RADIANS(LAG(v.lat) OVER (PARTITION BY v.vehicle, CAST(v.observed_at AS DATE) ORDER BY v.observed_at)) AS lat_before
    FROM vehicle_position AS v
    WHERE v.observed_at >= $since AND v.observed_at < $until AND v.lon IS NOT NULL AND v.lat IS NOT NULL
)
SELECT s.vehicle, s.day,
       SUM(2 * 6371.0088 * ASIN(LEAST(1.0, SQRT(
           POWER(SIN((s.lat - s.lat_before) / 2), 2)
           + COS(s.lat) * COS(s.lat_before) * POWER(SIN((s.lon - s.lon_before) / 2), 2)
       )))) FILTER (s.lat_before IS NOT NULL) AS km,
       COUNT(*) AS reports, (EPOCH(MAX(s.observed_at)) - EPOCH(MIN(s.observed_at))) / 60.0 AS span_min,
       LEAST(1.0, (EPOCH(MAX(s.observed_at)) - EPOCH(MIN(s.observed_at))) / 86400.0) AS coverage,
       BOOL_OR((s.quality & 128) <> 0) AS simulated
FROM steps AS s
GROUP BY s.vehicle, s.day
HAVING COUNT(*) > 1
ORDER BY s.day, s.vehicle
