-- SPDX-License-Identifier: Apache-2.0
-- name:      月优良天数比例
-- one row:   一个区域、一个月
-- subject:   area
-- period:    month
-- value:     good_percent
-- unit:      %
-- columns:   good_days = 优良天数 [d]; valid_days = 有 AQI 的天数 [d]
-- uses:      area_day_aqi
-- parameter: good_upto = aqi.good:upto
-- decimals:  1
-- apart:     subject, period
-- goal:      at least goals.good_air:percent
-- source:    HJ 663-2013：AQI 不大于 100 的天数占有 AQI 天数的比例
SELECT d.subject AS area, d.month,
       100.0 * COUNT(*) FILTER (d.value <= $good_upto) / COUNT(*) AS good_percent,
       COUNT(*) FILTER (d.value <= $good_upto) AS good_days, COUNT(*) AS valid_days,
       COUNT(*) / CAST(EXTRACT(day FROM LAST_DAY(d.month)) AS DOUBLE) AS coverage,
       BOOL_OR(CAST(d.detail ->> '$.simulated_stations' AS INTEGER) > 0) AS simulated
FROM (
    SELECT f.subject, f.value, f.detail, CAST(DATE_TRUNC('month', f.period_start AT TIME ZONE 'Asia/Shanghai') AS DATE) AS month
    FROM figure_area_day_aqi AS f
    WHERE f.period_start >= $since AND f.period_start < $until AND f.value IS NOT NULL
) AS d
GROUP BY d.subject, d.month
ORDER BY d.month, d.subject
