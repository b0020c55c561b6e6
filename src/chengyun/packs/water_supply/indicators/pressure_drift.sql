-- SPDX-License-Identifier: Apache-2.0
-- name:       压力偏离自身往常
-- one row:    一个测压点、一个当地日
-- subject:    asset
-- period:     day
-- value:      apart
-- unit:       %
-- columns:    side = 偏离方向（1 偏高，-1 偏低，0 不一） [1]; usual_m = 往常日平均压力 [m];
--             others = 其他测压点当日的偏离中位数 [%]; points = 参与比较的测压点 [个]
-- uses:       pressure_day
-- looks back: 32 d
-- decimals:   1
-- fresh for:  36 h
-- open:       no
-- source:     本系统方法：日平均压力与本点此前第 3 至 30 日中位数、其中最早一周中位数二者较近者之差，减去当日各点该差的中位数；取连续三日同向的最小值
WITH days AS (
    SELECT subject AS asset, CAST(period_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, value AS mean_m, simulated
    FROM figure_pressure_day
    -- A day of which a quarter is missing is another mean: people draw water by the hour.
    WHERE value IS NOT NULL AND CAST(detail ->> 'hours' AS INTEGER) >= 18
),
-- Four weeks, so that a drift of days that is over is not what is usual; and their first known week beside them, so that where the
-- drift was most of what is known its repair is not told of as another.
past AS (
    SELECT asset, day, mean_m, simulated, MEDIAN(mean_m) OVER past AS middle_m, LIST(mean_m) OVER past AS means_m, COUNT(*) OVER past AS known
    FROM days
    WINDOW past AS (PARTITION BY asset ORDER BY day RANGE BETWEEN INTERVAL 30 DAY PRECEDING AND INTERVAL 3 DAY PRECEDING)
),
usual AS (
    SELECT asset, day, mean_m, simulated, known,
           CASE WHEN ABS(mean_m - LIST_AGGREGATE(means_m[1:7], 'median')) < ABS(mean_m - middle_m) THEN LIST_AGGREGATE(means_m[1:7], 'median')
                ELSE middle_m END AS usual_m
    FROM past
),
away AS (
    SELECT asset, day, usual_m, known, simulated, 100 * (mean_m - usual_m) / GREATEST(ABS(usual_m), 1) AS moved
    FROM usual WHERE known >= 14
),
own AS (
    SELECT asset, day, usual_m, known, simulated, MEDIAN(moved) OVER (PARTITION BY day) AS others,
           COUNT(*) OVER (PARTITION BY day) AS points, moved - MEDIAN(moved) OVER (PARTITION BY day) AS own
    FROM away
),
held AS (
    SELECT asset, day, usual_m, known, others, points, simulated, MIN(own) OVER lately AS least, MAX(own) OVER lately AS most,
           COUNT(*) OVER lately AS days, MIN(points) OVER lately AS fewest
    FROM own
    WINDOW lately AS (PARTITION BY asset ORDER BY day RANGE BETWEEN INTERVAL 2 DAY PRECEDING AND CURRENT ROW)
)
SELECT asset, day, CASE WHEN least > 0 THEN least WHEN most < 0 THEN -most ELSE 0 END AS apart,
       CASE WHEN least > 0 THEN 1 WHEN most < 0 THEN -1 ELSE 0 END AS side, usual_m, others, points, known / 28.0 AS coverage, simulated
FROM held
WHERE days = 3 AND fewest >= 5 AND day >= CAST($since AT TIME ZONE 'Asia/Shanghai' AS DATE)
  AND day < CAST($until AT TIME ZONE 'Asia/Shanghai' AS DATE)
ORDER BY day, asset
