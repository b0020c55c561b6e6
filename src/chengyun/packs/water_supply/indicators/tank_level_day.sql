-- SPDX-License-Identifier: Apache-2.0
-- name:      水箱日最低水位
-- one row:   一个水箱、一个当地日
-- subject:   asset
-- period:    day
-- value:     least_m
-- unit:      m
-- columns:   most_m = 最高水位 [m]; mean_m = 平均水位 [m]; hours = 有水位的小时数 [h]
-- streams:   asset_hour
-- fresh for: 36 h
-- decimals:  2
-- open:      no
-- source:    本系统方法：当日各小时水位的最小值
SELECT a.asset, CAST(a.hour_start AS DATE) AS day,
       MIN(a.level) AS least_m, MAX(a.level) AS most_m, AVG(a.level) AS mean_m, COUNT(a.level) AS hours,
       LEAST(1.0, COUNT(a.level) / 24.0) AS coverage, BOOL_OR((a.quality & 128) <> 0) AS simulated
FROM asset_hour AS a
WHERE a.hour_start >= $since AND a.hour_start < $until
GROUP BY a.asset, day
HAVING COUNT(a.level) > 0
ORDER BY day, a.asset
