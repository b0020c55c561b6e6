-- SPDX-License-Identifier: Apache-2.0
-- name:      年综合指数
-- one row:   one district or city, one year
-- subject:   area
-- period:    year
-- value:     composite_index
-- unit:      1
-- uses:      area_day_aqi
-- rule:      assess_year
-- decimals:  2
-- source:    HJ 663-2013；2026-03-01 起按 HJ 663-2026 权重（composite.weights，未核实是否除以权重之和）
SELECT d.subject AS area, d.year,
       LIST(d.detail ->> '$.exact.so2' ORDER BY d.period_start) AS so2,
       LIST(d.detail ->> '$.exact.no2' ORDER BY d.period_start) AS no2,
       LIST(d.detail ->> '$.exact.co' ORDER BY d.period_start) AS co,
       LIST(d.detail ->> '$.exact.o3' ORDER BY d.period_start) AS o3,
       LIST(d.detail ->> '$.exact.pm10' ORDER BY d.period_start) AS pm10,
       LIST(d.detail ->> '$.exact.pm25' ORDER BY d.period_start) AS pm25,
       COUNT(*) AS days, COUNT(*) / CAST((CAST(d.year + INTERVAL 1 YEAR AS DATE) - d.year) AS DOUBLE) AS coverage,
       BOOL_OR(CAST(d.detail ->> '$.simulated_stations' AS INTEGER) > 0) AS simulated
FROM (
    SELECT f.subject, f.period_start, f.detail, CAST(DATE_TRUNC('year', f.period_start AT TIME ZONE 'Asia/Shanghai') AS DATE) AS year
    FROM figure_area_day_aqi AS f
    WHERE f.period_start >= $since AND f.period_start < $until
) AS d
GROUP BY d.subject, d.year
ORDER BY d.year, d.subject
