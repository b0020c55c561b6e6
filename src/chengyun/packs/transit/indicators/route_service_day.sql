-- SPDX-License-Identifier: Apache-2.0
-- name:      线路日计划班次
-- one row:   一条线路、一个当地日
-- subject:   route
-- period:    day
-- value:     trips
-- unit:      个
-- columns:   km = 行驶里程 [km]; hours = 行驶时间 [h]; stop_visits = 停站次数 [个]; mean_speed = 平均速度 [km/h];
--            span_h = 首班至末班 [h]
-- streams:   route_day
-- fresh for: 36 h
-- source:    时刻表（GTFS）
SELECT r.route, CAST(r.noon AS DATE) AS day,
       MAX(r.trips) AS trips, MAX(r.km) AS km, MAX(r.hours) AS hours, MAX(r.stop_visits) AS stop_visits,
       MAX(r.km) / NULLIF(MAX(r.hours), 0) AS mean_speed,
       (MAX(r.last) - MIN(r.first)) / 3600.0 AS span_h,
       1.0 AS coverage, BOOL_OR((r.quality & 128) <> 0) AS simulated
FROM route_day AS r
WHERE r.noon >= $since AND r.noon < $until
GROUP BY r.route, day
ORDER BY day, r.route
