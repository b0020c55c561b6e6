-- SPDX-License-Identifier: Apache-2.0
-- name:      设施数值不变小时数
-- one row:   一处设施、一个当地日
-- subject:   asset
-- period:    day
-- value:     stuck_hours
-- unit:      h
-- streams:   asset_hour
-- fresh for: 36 h
-- apart:     subject, period
-- source:    本系统方法：入库时标记为数值不变的小时数（水位连续 24 个、压力连续 36 个小时值相同）
SELECT a.asset, CAST(a.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       COUNT(*) FILTER ((a.quality & 4) <> 0) AS stuck_hours,
       LEAST(1.0, COUNT(*) / 24.0) AS coverage, BOOL_OR((a.quality & 128) <> 0) AS simulated
FROM asset_hour AS a
WHERE a.hour_start >= $since AND a.hour_start < $until
GROUP BY a.asset, day
ORDER BY day, a.asset
