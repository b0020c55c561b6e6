-- SPDX-License-Identifier: Apache-2.0
-- name:      管网日受攻击小时数
-- one row:   一个管网、一个当地日
-- subject:   network
-- period:    day
-- value:     attack_h
-- unit:      h
-- columns:   labelled_h = 已核定的小时数 [h]
-- streams:   network_hour
-- fresh for: 36 h
-- open:      no
-- source:    人工核定；未核定的小时不计
SELECT n.network, CAST(n.hour_start AS DATE) AS day,
       SUM(n.attack) AS attack_h, COUNT(n.attack) AS labelled_h,
       LEAST(1.0, COUNT(n.attack) / 24.0) AS coverage, BOOL_OR((n.quality & 128) <> 0) AS simulated
FROM network_hour AS n
WHERE n.hour_start >= $since AND n.hour_start < $until
GROUP BY n.network, day
HAVING COUNT(n.attack) > 0
ORDER BY day, n.network
