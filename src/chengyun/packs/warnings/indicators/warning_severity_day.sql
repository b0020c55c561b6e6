-- SPDX-License-Identifier: Apache-2.0
-- name:      预警严重程度
-- one row:   一条预警、一个当地日
-- subject:   warning
-- period:    day
-- value:     severity
-- unit:      1
-- columns:   messages = 消息数 [个]; updates = 更新数 [个]; cancelled = 已解除（1 是，0 否）; duration = 有效时长 [h]
-- streams:   message
-- scale:     severity
-- fresh for: 36 h
-- source:    CAP 1.2，3.2.2 severity；只计实际发布的消息，取当日最严重者
SELECT m.warning, CAST(m.sent AS DATE) AS day,
       MAX(m.severity) AS severity, COUNT(*) AS messages, COUNT(*) FILTER (m.kind = 'Update') AS updates,
       MAX(CASE WHEN m.kind = 'Cancel' THEN 1 ELSE 0 END) AS cancelled, MAX(m.duration) AS duration,
       1.0 AS coverage, BOOL_OR((m.quality & 128) <> 0) AS simulated
FROM message AS m
WHERE m.sent >= $since AND m.sent < $until AND m.status = 'Actual'
GROUP BY m.warning, day
ORDER BY day, m.warning
