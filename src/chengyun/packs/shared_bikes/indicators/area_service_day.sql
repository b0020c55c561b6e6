-- SPDX-License-Identifier: Apache-2.0
-- name:      区域单车可租可还率
-- one row:   一个区县或城市、一个当地日
-- subject:   area
-- period:    day
-- value:     service_percent
-- unit:      %
-- columns:   empty_percent = 无车可借的比例 [%]; full_percent = 无桩可还的比例 [%]; stations = 站点 [个]
-- streams:   station_status
-- scale:     service
-- fresh for: 36 h
-- decimals:  0
-- source:    本系统方法：全部站点中租还正常且有车可借、有桩可还的发布次数之比；未说明是否停止租还的视为正常
WITH placed AS (
    SELECT t.district_code AS area, s.* FROM station_status AS s JOIN station AS t ON t.key = s.station
    UNION ALL
    SELECT t.city_code AS area, s.* FROM station_status AS s JOIN station AS t ON t.key = s.station
)
SELECT s.area, CAST(s.observed_at AS DATE) AS day,
       100.0 * COUNT(*) FILTER (s.bikes > 0 AND s.docks > 0 AND (s.working = 'yes' OR s.working IS NULL)) / COUNT(*) AS service_percent,
       100.0 * COUNT(*) FILTER (s.bikes = 0) / COUNT(*) AS empty_percent,
       100.0 * COUNT(*) FILTER (s.docks = 0) / COUNT(*) AS full_percent,
       COUNT(DISTINCT s.station) AS stations,
       LEAST(1.0, COUNT(DISTINCT EXTRACT(hour FROM s.observed_at)) / 24.0) AS coverage,
       BOOL_OR((s.quality & 128) <> 0) AS simulated
FROM placed AS s
WHERE s.observed_at >= $since AND s.observed_at < $until AND s.area IS NOT NULL AND s.area <> ''
GROUP BY s.area, day
ORDER BY day, s.area
