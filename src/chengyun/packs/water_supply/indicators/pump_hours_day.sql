-- SPDX-License-Identifier: Apache-2.0
-- name:      水泵日运行小时数
-- one row:   一台水泵、一个当地日
-- subject:   asset
-- period:    day
-- value:     running_h
-- unit:      h
-- columns:   volume_m3 = 供水量，立方米; contradictions = 停机而有流量的小时数 [h]; starts = 启动次数 [个]
-- streams:   asset_hour
-- fresh for: 36 h
-- open:      no
-- source:    本系统方法：当日状态为开的小时数；流量按小时均值折算水量
WITH hours AS (
    SELECT a.asset, CAST(a.hour_start AS DATE) AS day, a.running, a.flow, a.quality,
           LAG(a.running) OVER (PARTITION BY a.asset, CAST(a.hour_start AS DATE) ORDER BY a.hour_start) AS before
    FROM asset_hour AS a
    WHERE a.hour_start >= $since AND a.hour_start < $until AND a.running IS NOT NULL
)
SELECT h.asset, h.day, SUM(h.running) AS running_h, SUM(h.flow) * 3.6 AS volume_m3,
       COUNT(*) FILTER (h.running = 0 AND h.flow > 1) AS contradictions,
       COUNT(*) FILTER (h.running = 1 AND h.before = 0) AS starts,
       LEAST(1.0, COUNT(*) / 24.0) AS coverage, BOOL_OR((h.quality & 128) <> 0) AS simulated
FROM hours AS h
GROUP BY h.asset, h.day
ORDER BY h.day, h.asset
