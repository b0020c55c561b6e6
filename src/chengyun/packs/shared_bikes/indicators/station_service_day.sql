-- SPDX-License-Identifier: Apache-2.0
-- name:      站点可租可还率
-- one row:   一个站点、一个当地日
-- subject:   station
-- period:    day
-- value:     service_percent
-- unit:      %
-- columns:   empty_percent = 无车可借的比例 [%]; full_percent = 无桩可还的比例 [%]; stale_percent = 超过一小时未上报的比例 [%];
--            published = 发布次数 [个]
-- streams:   station_status
-- scale:     service
-- fresh for: 36 h
-- decimals:  0
-- source:    本系统方法：租还正常且有车可借、有桩可还的发布次数之比；未说明是否停止租还的视为正常
SELECT s.station, CAST(s.observed_at AS DATE) AS day,
       100.0 * COUNT(*) FILTER (s.bikes > 0 AND s.docks > 0 AND (s.working = 'yes' OR s.working IS NULL)) / COUNT(*) AS service_percent,
       100.0 * COUNT(*) FILTER (s.bikes = 0) / COUNT(*) AS empty_percent,
       100.0 * COUNT(*) FILTER (s.docks = 0) / COUNT(*) AS full_percent,
       100.0 * COUNT(*) FILTER (s.age > 3600) / COUNT(*) AS stale_percent,
       COUNT(*) AS published,
       LEAST(1.0, COUNT(DISTINCT EXTRACT(hour FROM s.observed_at)) / 24.0) AS coverage,
       BOOL_OR((s.quality & 128) <> 0) AS simulated
FROM station_status AS s
WHERE s.observed_at >= $since AND s.observed_at < $until
GROUP BY s.station, day
ORDER BY day, s.station
