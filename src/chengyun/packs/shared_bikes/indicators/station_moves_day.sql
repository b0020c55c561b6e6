-- SPDX-License-Identifier: Apache-2.0
-- name:       站点车辆数变动次数
-- one row:    一个站点、一个当地日
-- subject:    station
-- period:     day
-- value:      moves
-- unit:       个
-- columns:    still_h = 车辆数不变的最长小时数，至多 47 [h]; hours = 有可信发布的小时数 [h]
-- streams:    station_status
-- looks back: 2 d
-- apart:      subject
-- decimals:   0
-- fresh for:  36 h
-- source:     本系统方法：相邻两次可信发布（租还未停、站点一小时内上报）可借车辆数不同的次数；两次发布相隔三小时以上重新计时
WITH heard AS (
    SELECT station, observed_at, bikes, quality, LAG(bikes) OVER course AS bikes_before, LAG(observed_at) OVER course AS heard_before
    FROM station_status
    WHERE observed_at >= $earliest AND observed_at < $until AND bikes IS NOT NULL
      AND (working = 'yes' OR working IS NULL) AND (age <= 3600 OR age IS NULL)
    WINDOW course AS (PARTITION BY station ORDER BY observed_at)
),
steps AS (
    SELECT station, observed_at, quality, bikes <> bikes_before AS moved,
           CASE WHEN bikes <> bikes_before OR observed_at > heard_before + INTERVAL 3 HOUR THEN observed_at END AS begins
    FROM heard
),
seen AS (
    SELECT station, observed_at, quality, moved,
           COALESCE(MAX(begins) OVER two_days, MIN(observed_at) OVER two_days) AS stands_since
    FROM steps
    -- A row of a day's first hour may reach no further than two days before, where reading begins.
    WINDOW two_days AS (PARTITION BY station ORDER BY observed_at RANGE BETWEEN INTERVAL 47 HOUR PRECEDING AND CURRENT ROW)
)
SELECT s.station, CAST(s.observed_at AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, COUNT(*) FILTER (s.moved) AS moves,
       MAX(epoch_us(s.observed_at) - epoch_us(s.stands_since)) / 3600000000.0 AS still_h,
       COUNT(DISTINCT EXTRACT(hour FROM s.observed_at)) AS hours,
       LEAST(1.0, COUNT(DISTINCT EXTRACT(hour FROM s.observed_at)) / 24.0) AS coverage, BOOL_OR((s.quality & 128) <> 0) AS simulated
FROM seen AS s
WHERE s.observed_at >= $since
GROUP BY s.station, day
ORDER BY day, s.station
