-- SPDX-License-Identifier: Apache-2.0
-- name:      年评价超标项数
-- one row:   一个区县或城市、一年
-- subject:   area
-- period:    year
-- value:     over_limit
-- unit:      个
-- columns:   composite_index = 综合指数; so2_mean = 二氧化硫均值 [µg/m³]; so2_p98 = 二氧化硫日均值第 98 百分位数 [µg/m³];
--            no2_mean = 二氧化氮均值 [µg/m³]; no2_p98 = 二氧化氮日均值第 98 百分位数 [µg/m³]; pm10_mean = PM10 均值 [µg/m³];
--            pm10_p95 = PM10 日均值第 95 百分位数 [µg/m³]; pm25_mean = PM2.5 均值 [µg/m³];
--            pm25_p95 = PM2.5 日均值第 95 百分位数 [µg/m³]; co_p95 = 一氧化碳日均值第 95 百分位数 [mg/m³];
--            o3_p90 = 臭氧日最大 8 小时均值第 90 百分位数 [µg/m³]; so2_mean_over = 二氧化硫均值超标倍数;
--            so2_p98_over = 二氧化硫日均值第 98 百分位数超标倍数; no2_mean_over = 二氧化氮均值超标倍数; no2_p98_over = 二氧化氮日均值第 98 百分位数超标倍数;
--            pm10_mean_over = PM10 均值超标倍数; pm10_p95_over = PM10 日均值第 95 百分位数超标倍数; pm25_mean_over = PM2.5 均值超标倍数;
--            pm25_p95_over = PM2.5 日均值第 95 百分位数超标倍数; co_p95_over = 一氧化碳日均值第 95 百分位数超标倍数;
--            o3_p90_over = 臭氧日最大 8 小时均值第 90 百分位数超标倍数; days = 有日均值的天数 [d]
-- uses:      area_day_aqi
-- rule:      assess_year
-- decimals:  0
-- goal:      at most goals.year:over_limit
-- source:    HJ 663-2013 表 1：均值与百分位数对照 GB 3095 二级限值
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
