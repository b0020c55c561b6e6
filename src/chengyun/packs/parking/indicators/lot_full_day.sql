-- SPDX-License-Identifier: Apache-2.0
-- name:      停车场日停满时长
-- one row:   一处停车场、一个当地日
-- subject:   lot
-- period:    day
-- value:     full_h
-- unit:      h
-- columns:   times_full = 停满次数 [个]; known_h = 有数据的时长 [h]
-- streams:   lot_free
-- fresh for: 36 h
-- decimals:  1
-- source:    本系统方法：空余为零直到下一次变化的时长，只计当日首末两次变化之间
WITH changes AS (
    SELECT f.lot, CAST(f.observed_at AS DATE) AS day, f.observed_at, f.free, f.quality,
           LEAD(f.observed_at) OVER (PARTITION BY f.lot, CAST(f.observed_at AS DATE) ORDER BY f.observed_at) AS next_at
    FROM lot_free AS f
    WHERE f.observed_at >= $since AND f.observed_at < $until AND f.free IS NOT NULL
)
SELECT c.lot, c.day,
       COALESCE(SUM(EPOCH(c.next_at) - EPOCH(c.observed_at)) FILTER (c.free = 0), 0) / 3600.0 AS full_h,
       COUNT(*) FILTER (c.free = 0) AS times_full,
       COALESCE(SUM(EPOCH(c.next_at) - EPOCH(c.observed_at)), 0) / 3600.0 AS known_h,
       COALESCE(SUM(EPOCH(c.next_at) - EPOCH(c.observed_at)), 0) / 86400.0 AS coverage,
       BOOL_OR((c.quality & 128) <> 0) AS simulated
FROM changes AS c
GROUP BY c.lot, c.day
ORDER BY c.day, c.lot
