-- SPDX-License-Identifier: Apache-2.0
-- name:      站点数据有效率
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     valid_percent
-- unit:      %
-- columns:   pm25_hours = PM2.5 有效小时数 [h]; pm10_hours = PM10 有效小时数 [h]; o3_hours = 臭氧有效小时数 [h];
--            no2_hours = 二氧化氮有效小时数 [h]; so2_hours = 二氧化硫有效小时数 [h]; co_hours = 一氧化碳有效小时数 [h];
--            out_of_range_hours = 超出可能范围的小时数 [h]; spike_hours = 突变的小时数 [h]; stuck_hours = 数值不变的小时数 [h]
-- streams:   station_hour
-- fresh for: 36 h
-- goal:      at least alerts.health:min_percent
-- source:    本系统方法：当日已过小时中六项污染物有效小时值的比例；当日截至任一站点最后上报的小时
WITH hours AS (
    SELECT *, CAST(hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
           EXTRACT(hour FROM hour_start AT TIME ZONE 'Asia/Shanghai') AS hour
    FROM station_hour
    WHERE hour_start >= $since AND hour_start < $until AND DATE_TRUNC('hour', hour_start) = hour_start
),
days AS (
    SELECT day, 1 + MAX(hour) AS hours FROM hours GROUP BY day
)
SELECT h.station, h.day,
       100.0 * (COUNT(h.so2) + COUNT(h.no2) + COUNT(h.co) + COUNT(h.o3) + COUNT(h.pm10) + COUNT(h.pm25)) / (6 * ANY_VALUE(d.hours)) AS valid_percent,
       COUNT(h.so2) AS so2_hours,
       COUNT(h.no2) AS no2_hours,
       COUNT(h.co) AS co_hours,
       COUNT(h.o3) AS o3_hours,
       COUNT(h.pm10) AS pm10_hours,
       COUNT(h.pm25) AS pm25_hours,
       COUNT(*) FILTER ((h.quality & 1) <> 0) AS out_of_range_hours,
       COUNT(*) FILTER ((h.quality & 2) <> 0) AS spike_hours,
       COUNT(*) FILTER ((h.quality & 4) <> 0) AS stuck_hours,
       COUNT(*) / CAST(ANY_VALUE(d.hours) AS DOUBLE) AS coverage, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM hours AS h JOIN days AS d ON d.day = h.day
GROUP BY h.station, h.day
ORDER BY h.day, h.station
