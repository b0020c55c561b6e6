-- SPDX-License-Identifier: Apache-2.0
-- name:      班次晚点
-- one row:   一个班次、一个当地日
-- subject:   trip
-- period:    day
-- value:     delay_min
-- unit:      min
-- columns:   most_min = 最大晚点 [min]; predictions = 预测次数 [个]
-- streams:   trip_delay
-- scale:     delay
-- fresh for: 36 h
-- decimals:  1
-- source:    本系统方法：当日各次预测中下一站晚点的平均
SELECT t.trip, CAST(t.observed_at AS DATE) AS day,
       AVG(t.delay) / 60.0 AS delay_min, MAX(t.delay) / 60.0 AS most_min, COUNT(*) AS predictions,
       COUNT(t.delay) / CAST(COUNT(*) AS DOUBLE) AS coverage, BOOL_OR((t.quality & 128) <> 0) AS simulated
FROM trip_delay AS t
WHERE t.observed_at >= $since AND t.observed_at < $until
GROUP BY t.trip, day
HAVING COUNT(t.delay) > 0
ORDER BY day, t.trip
