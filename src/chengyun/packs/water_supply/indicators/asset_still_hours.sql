-- SPDX-License-Identifier: Apache-2.0
-- name:       设施数值不变的最长小时数
-- one row:    一处设施、一个当地日
-- subject:    asset
-- period:     day
-- value:      still_h
-- unit:       h
-- columns:    pressure_h = 压力不变的最长小时数 [h]; level_h = 水位不变的最长小时数 [h]; rested_h = 当日又变动的压力此前不变的最长小时数 [h];
--             hours = 有压力的小时数 [h]; heard_h = 有压力或水位的小时数 [h]
-- streams:    asset_hour
-- looks back: 2 d
-- apart:      subject
-- decimals:   0
-- fresh for:  36 h
-- open:       no
-- source:     本系统方法：当日任一小时止，压力或水位连续相同的小时值个数的最大值，至多 48
WITH measured AS (
    SELECT asset, hour_start, 'pressure' AS quantity, pressure AS value, quality FROM asset_hour
    WHERE hour_start >= $earliest AND hour_start < $until AND pressure IS NOT NULL
    UNION ALL
    SELECT asset, hour_start, 'level' AS quantity, level AS value, quality FROM asset_hour
    WHERE hour_start >= $earliest AND hour_start < $until AND level IS NOT NULL
),
steps AS (
    SELECT asset, quantity, hour_start, quality, value <> LAG(value) OVER course AS moved, ROW_NUMBER() OVER course AS nth
    FROM measured
    WINDOW course AS (PARTITION BY asset, quantity ORDER BY hour_start)
),
runs AS (
    SELECT asset, quantity, hour_start, quality, moved,
           nth + 1 - COALESCE(MAX(CASE WHEN moved THEN nth END) OVER two_days, MIN(nth) OVER two_days) AS run
    FROM steps
    -- A day's first hour reaches to where reading begins, and no further.
    WINDOW two_days AS (PARTITION BY asset, quantity ORDER BY hour_start RANGE BETWEEN INTERVAL 47 HOUR PRECEDING AND CURRENT ROW)
),
ended AS (
    SELECT asset, quantity, hour_start, quality, run, CASE WHEN moved THEN LAG(run) OVER course END AS rested
    FROM runs WINDOW course AS (PARTITION BY asset, quantity ORDER BY hour_start)
)
SELECT e.asset, CAST(e.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, MAX(e.run) AS still_h,
       MAX(e.run) FILTER (e.quantity = 'pressure') AS pressure_h, MAX(e.run) FILTER (e.quantity = 'level') AS level_h,
       MAX(e.rested) FILTER (e.quantity = 'pressure') AS rested_h, COUNT(*) FILTER (e.quantity = 'pressure') AS hours,
       COUNT(DISTINCT e.hour_start) AS heard_h, LEAST(1.0, COUNT(DISTINCT e.hour_start) / 24.0) AS coverage, BOOL_OR((e.quality & 128) <> 0) AS simulated
FROM ended AS e
WHERE e.hour_start >= $since
GROUP BY e.asset, day
ORDER BY day, e.asset
