-- SPDX-License-Identifier: Apache-2.0
-- name:       站点本应有的变动
-- one row:    一个站点、一个当地日
-- subject:    station
-- period:     day
-- value:      missed
-- unit:       个
-- columns:    still_h = 车辆数不变的最长小时数，至多 47 [h]; usual = 往常一天的变动次数 [个]; known = 参与比较的天数 [d]
-- uses:       station_moves_day
-- looks back: 32 d
-- decimals:   0
-- fresh for:  36 h
-- source:     本系统方法：车辆数不变满 24 小时者，以本站此前第 3 至 31 日每日变动次数的中位数，乘以不变的天数；不满 24 小时记 0
WITH days AS (
    SELECT subject AS station, CAST(period_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, value AS moves, simulated,
           CAST(detail ->> 'still_h' AS DOUBLE) AS still_h, CAST(detail ->> 'hours' AS INTEGER) AS hours
    FROM figure_station_moves_day
    WHERE value IS NOT NULL
),
compared AS (
    SELECT station, day, still_h, simulated, MEDIAN(CASE WHEN hours >= 20 THEN moves END) OVER past AS usual,
           COUNT(CASE WHEN hours >= 20 THEN moves END) OVER past AS known
    FROM days
    -- Not the days it may have stood still already.
    WINDOW past AS (PARTITION BY station ORDER BY day RANGE BETWEEN INTERVAL 31 DAY PRECEDING AND INTERVAL 3 DAY PRECEDING)
)
SELECT station, day, CASE WHEN still_h >= 24 THEN usual * still_h / 24 ELSE 0 END AS missed, still_h, usual, known,
       LEAST(1.0, known / 28.0) AS coverage, simulated
FROM compared
WHERE known >= 10 AND day >= CAST($since AT TIME ZONE 'Asia/Shanghai' AS DATE)
  AND day < CAST($until AT TIME ZONE 'Asia/Shanghai' AS DATE)
ORDER BY day, station
