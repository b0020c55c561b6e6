-- SPDX-License-Identifier: Apache-2.0
-- name:       空余泊位不变小时数
-- one row:    一处停车场、一个当地日
-- subject:    lot
-- period:     day
-- value:      still_hours
-- unit:       h
-- columns:    reports = 当日上传次数 [个]
-- streams:    lot_free
-- looks back: 1 d
-- apart:      subject
-- decimals:   0
-- fresh for:  36 h
-- source:     本系统方法：当日任一次上传，其前 24 小时内至少四次且数值全部相同者，取所跨小时数的最大值
WITH seen AS (
    SELECT lot, observed_at, free, quality, MIN(free) OVER day_before AS least, MAX(free) OVER day_before AS most,
           MIN(CASE WHEN free IS NOT NULL THEN observed_at END) OVER day_before AS first, COUNT(free) OVER day_before AS known
    FROM lot_free
    WHERE observed_at >= $earliest AND observed_at < $until
    WINDOW day_before AS (PARTITION BY lot ORDER BY observed_at RANGE BETWEEN INTERVAL 24 HOUR PRECEDING AND CURRENT ROW)
)
SELECT lot, CAST(observed_at AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day,
       MAX(CASE WHEN free = least AND free = most AND known >= 4 THEN (epoch_us(observed_at) - epoch_us(first)) / 3600000000.0 ELSE 0 END) AS still_hours,
       COUNT(*) AS reports, COUNT(free) / CAST(COUNT(*) AS DOUBLE) AS coverage,
       BOOL_OR((quality & 128) <> 0) AS simulated
FROM seen
WHERE observed_at >= $since
GROUP BY lot, day
ORDER BY day, lot
