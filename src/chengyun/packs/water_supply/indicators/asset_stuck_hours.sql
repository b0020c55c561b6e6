-- SPDX-License-Identifier: Apache-2.0
-- name:       设施数值不变小时数
-- one row:    一处设施、一个当地日
-- subject:    asset
-- period:     day
-- value:      stuck_hours
-- unit:       h
-- columns:    rested_h = 此前四周压力最长不变又变动的小时数 [h]; known = 此前四周有压力的天数 [d]; allowed_h = 压力容许不变的小时数 [h]
-- uses:       asset_still_hours
-- looks back: 28 d
-- decimals:   0
-- fresh for:  36 h
-- open:       no
-- source:     本系统方法：水位连续 24 个小时值相同，或压力连续 36 个；此前四周知道两周以上的，压力 24 个且超过其间最长一次的 1.25 倍即计
WITH days AS (
    SELECT subject AS asset, CAST(period_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, simulated,
           CAST(detail ->> 'pressure_h' AS INTEGER) AS pressure_h, CAST(detail ->> 'level_h' AS INTEGER) AS level_h,
           CAST(detail ->> 'rested_h' AS INTEGER) AS rested_h, CAST(detail ->> 'hours' AS INTEGER) AS hours,
           CAST(detail ->> 'heard_h' AS INTEGER) AS heard_h
    FROM figure_asset_still_hours
),
compared AS (
    SELECT asset, day, simulated, heard_h, COALESCE(pressure_h, 0) AS pressure_h, COALESCE(level_h, 0) AS level_h,
           MAX(rested_h) OVER past AS rested_h, COUNT(CASE WHEN hours >= 18 THEN 1 END) OVER past AS known
    FROM days
    WINDOW past AS (PARTITION BY asset ORDER BY day RANGE BETWEEN INTERVAL 28 DAY PRECEDING AND INTERVAL 1 DAY PRECEDING)
),
allowed AS (
    SELECT asset, day, simulated, heard_h, pressure_h, level_h, rested_h, known,
           CASE WHEN known >= 14 THEN CAST(CEIL(LEAST(36, GREATEST(24, 1.25 * COALESCE(rested_h, 0)))) AS INTEGER) ELSE 36 END AS allowed_h
    FROM compared
)
SELECT asset, day,
       GREATEST(CASE WHEN pressure_h >= allowed_h THEN pressure_h ELSE 0 END, CASE WHEN level_h >= 24 THEN level_h ELSE 0 END) AS stuck_hours,
       rested_h, known, allowed_h, LEAST(1.0, heard_h / 24.0) AS coverage, simulated
FROM allowed
WHERE day >= CAST($since AT TIME ZONE 'Asia/Shanghai' AS DATE) AND day < CAST($until AT TIME ZONE 'Asia/Shanghai' AS DATE)
ORDER BY day, asset
