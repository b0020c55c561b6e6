-- SPDX-License-Identifier: Apache-2.0
-- name:      测压点日平均压力
-- one row:   一个测压点、一个当地日
-- subject:   asset
-- period:    day
-- value:     mean_m
-- unit:      m
-- columns:   least_m = 最低压力水头 [m]; most_m = 最高压力水头 [m]; hours = 有压力的小时数 [h]
-- streams:   asset_hour
-- fresh for: 36 h
-- decimals:  1
-- open:      no
-- apart:     subject, period
-- source:    本系统方法：当日各小时压力水头的平均值
SELECT a.asset, CAST(a.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       AVG(a.pressure) AS mean_m, MIN(a.pressure) AS least_m, MAX(a.pressure) AS most_m, COUNT(a.pressure) AS hours,
       LEAST(1.0, COUNT(a.pressure) / 24.0) AS coverage, BOOL_OR((a.quality & 128) <> 0) AS simulated
FROM asset_hour AS a
WHERE a.hour_start >= $since AND a.hour_start < $until
GROUP BY a.asset, day
HAVING COUNT(a.pressure) > 0
ORDER BY day, a.asset
