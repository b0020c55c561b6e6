-- SPDX-License-Identifier: Apache-2.0
-- name:      台风离市区最近距离（最佳路径）
-- one row:   一个热带气旋、一个当地年
-- subject:   storm
-- period:    year
-- value:     km
-- unit:      km
-- columns:   at_utc = 最近时次（世界时）; pressure = 当时中心气压 [hPa]; wind = 当时最大风速 [m/s];
--            peak_wind = 该年最大风速 [m/s]; points = 时次数 [个]
-- streams:   best_track
-- parameter: centre_lon = place.centre:lon
-- parameter: centre_lat = place.centre:lat
-- scale:     nearness
-- decimals:  0
-- source:    本系统方法：路径点到市区的最小球面距离（半径 6371.0088 km），点间不插值
WITH points AS (
    SELECT t.storm, CAST(DATE_TRUNC('year', t.observed_at) AS DATE) AS year, t.observed_at, t.pressure, t.wind, t.quality,
           2 * 6371.0088 * ASIN(LEAST(1.0, SQRT(
               POWER(SIN(RADIANS(t.lat - CAST($centre_lat AS DOUBLE)) / 2), 2)
               + COS(RADIANS(t.lat)) * COS(RADIANS(CAST($centre_lat AS DOUBLE)))
               * POWER(SIN(RADIANS(t.lon - CAST($centre_lon AS DOUBLE)) / 2), 2)
           ))) AS km
    FROM best_track AS t
    WHERE t.observed_at >= $since AND t.observed_at < $until AND t.lon IS NOT NULL AND t.lat IS NOT NULL
)
SELECT p.storm, p.year, MIN(p.km) AS km,
       STRFTIME(ARG_MIN(p.observed_at, p.km) AT TIME ZONE 'UTC', '%Y%m%d%H') AS at_utc,
       ARG_MIN(p.pressure, p.km) AS pressure, ARG_MIN(p.wind, p.km) AS wind, MAX(p.wind) AS peak_wind, COUNT(*) AS points,
       1.0 AS coverage, BOOL_OR((p.quality & 128) <> 0) AS simulated
FROM points AS p
GROUP BY p.storm, p.year
ORDER BY p.year, p.storm
