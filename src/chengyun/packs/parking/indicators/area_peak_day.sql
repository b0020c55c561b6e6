-- SPDX-License-Identifier: Apache-2.0
-- name:      区域停车日最高占用率
-- one row:   一个区县或城市、一个当地日：各停车场当日最高占用之和
-- subject:   area
-- period:    day
-- value:     peak_percent
-- unit:      %
-- columns:   lots = 停车场 [个]; spaces = 泊位 [个]; full_lots = 停满过的停车场 [个]
-- streams:   lot_free
-- parameter: min_changes = occupancy.valid:changes
-- scale:     occupancy
-- fresh for: 36 h
-- decimals:  0
-- source:    本系统方法：各停车场当日最少空余泊位之和与泊位数之比；各场的高峰不必同时
WITH lots AS (
    SELECT f.lot, CAST(f.observed_at AS DATE) AS day, ANY_VALUE(l.district_code) AS district, ANY_VALUE(l.city_code) AS city,
           ANY_VALUE(l.capacity) AS capacity, MIN(f.free) FILTER (f.free <= l.capacity) AS least_free,
           COUNT(*) FILTER (f.free <= l.capacity) AS usable, COUNT(*) AS changes,
           BOOL_OR((f.quality & 128) <> 0) AS simulated
    FROM lot_free AS f JOIN lot AS l ON l.key = f.lot
    WHERE f.observed_at >= $since AND f.observed_at < $until AND l.capacity > 0
    GROUP BY f.lot, day
    HAVING COUNT(*) FILTER (f.free <= l.capacity) >= $min_changes
),
placed AS (
    SELECT district AS area, * FROM lots
    UNION ALL
    SELECT city AS area, * FROM lots
)
SELECT p.area, p.day,
       100.0 * (1 - SUM(p.least_free) / SUM(p.capacity)) AS peak_percent,
       COUNT(*) AS lots, SUM(p.capacity) AS spaces, COUNT(*) FILTER (p.least_free <= 0) AS full_lots,
       SUM(p.usable) / CAST(SUM(p.changes) AS DOUBLE) AS coverage,
       BOOL_OR(p.simulated) AS simulated
FROM placed AS p
WHERE p.area IS NOT NULL AND p.area <> ''
GROUP BY p.area, p.day
ORDER BY p.day, p.area
