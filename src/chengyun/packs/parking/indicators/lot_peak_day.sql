-- SPDX-License-Identifier: Apache-2.0
-- name:      停车场日最高占用率
-- one row:   一处停车场、一个当地日
-- subject:   lot
-- period:    day
-- value:     peak_percent
-- unit:      %
-- columns:   least_free = 最少空余泊位 [个]; changes = 变化次数 [个]; over_capacity = 空余多于泊位数的次数 [个]
-- streams:   lot_free
-- parameter: min_changes = occupancy.valid:changes
-- scale:     occupancy
-- fresh for: 36 h
-- decimals:  0
-- source:    本系统方法：当日最少空余泊位与泊位数之比；空余多于泊位数的值不计
SELECT f.lot, CAST(f.observed_at AS DATE) AS day,
       100.0 * (1 - MIN(f.free) FILTER (f.free <= l.capacity) / ANY_VALUE(l.capacity)) AS peak_percent,
       MIN(f.free) FILTER (f.free <= l.capacity) AS least_free,
       COUNT(*) AS changes,
       COUNT(*) FILTER (f.free > l.capacity) AS over_capacity,
       COUNT(*) FILTER (f.free <= l.capacity) / CAST(COUNT(*) AS DOUBLE) AS coverage,
       BOOL_OR((f.quality & 128) <> 0) AS simulated
FROM lot_free AS f JOIN lot AS l ON l.key = f.lot
WHERE f.observed_at >= $since AND f.observed_at < $until AND l.capacity > 0
GROUP BY f.lot, day
HAVING COUNT(*) FILTER (f.free <= l.capacity) >= $min_changes
ORDER BY day, f.lot
