-- SPDX-License-Identifier: Apache-2.0
-- name:      沿用上次车辆数的误差
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     error_bikes
-- unit:      辆
-- columns:   pairs = 比较次数 [个]; error_total = 误差合计 [辆]
-- streams:   station_status
-- fresh for: 36 h
-- decimals:  2
-- source:    本系统方法：相邻两次发布可借车辆之差的绝对值的平均，任何预测都应小于它
WITH pairs AS (
    SELECT s.station, CAST(s.observed_at AS DATE) AS day, s.quality,
           ABS(s.bikes - LAG(s.bikes) OVER (PARTITION BY s.station, CAST(s.observed_at AS DATE) ORDER BY s.observed_at)) AS error
    FROM station_status AS s
    WHERE s.observed_at >= $since AND s.observed_at < $until AND s.bikes IS NOT NULL
)
SELECT p.station, p.day, AVG(p.error) AS error_bikes, COUNT(p.error) AS pairs, SUM(p.error) AS error_total,
       LEAST(1.0, COUNT(p.error) / 47.0) AS coverage, BOOL_OR((p.quality & 128) <> 0) AS simulated
FROM pairs AS p
GROUP BY p.station, p.day
HAVING COUNT(p.error) > 0
ORDER BY p.day, p.station
