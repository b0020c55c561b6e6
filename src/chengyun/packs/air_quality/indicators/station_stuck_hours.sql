-- SPDX-License-Identifier: Apache-2.0
-- name:      站点数值不变小时数
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     stuck_hours
-- unit:      h
-- streams:   station_hour
-- fresh for: 36 h
-- apart:     subject, period
-- source:    本系统方法：入库时标记为数值不变的小时数（重复次数见数据说明）
SELECT h.station, CAST(h.hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       COUNT(*) FILTER ((h.quality & 4) <> 0) AS stuck_hours,
       COUNT(*) / 24.0 AS coverage, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM station_hour AS h
WHERE h.hour_start >= $since AND h.hour_start < $until
GROUP BY h.station, day
ORDER BY day, h.station
