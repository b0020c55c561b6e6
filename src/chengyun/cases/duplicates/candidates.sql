-- name:    邻近的案件
-- one row: one case near a place that was opened lately, or earlier and is still open
-- order:   none: what is most alike is decided by scoring.py
-- source:  indexes duplicates_recent and duplicates_open; in every square only the newest $most of each are looked at, so that
--          a place to which thousands of cases were put (a town hall) costs no more than any other
WITH squares AS (
    SELECT x, y FROM unnest(%(columns)s, %(rows)s) AS at (x, y)
), near AS (
    SELECT it.* FROM squares, LATERAL (
        SELECT number, lon, lat, opened_at, ended, category, description, title, merged_into_id FROM cases_case
        WHERE floor(lon * 1000)::int = x AND floor(lat * 1000)::int = y AND lon IS NOT NULL
          AND opened_at BETWEEN %(since)s AND %(until)s AND type = %(type)s
        ORDER BY opened_at DESC LIMIT %(most)s) AS it
    UNION ALL
    SELECT it.* FROM squares, LATERAL (
        SELECT number, lon, lat, opened_at, ended, category, description, title, merged_into_id FROM cases_case
        WHERE floor(lon * 1000)::int = x AND floor(lat * 1000)::int = y AND lon IS NOT NULL AND NOT ended
          AND opened_at < %(since)s AND type = %(type)s
        ORDER BY opened_at DESC LIMIT %(most)s) AS it
)
SELECT number, lon, lat, opened_at, ended, category, left(coalesce(nullif(description, ''), title), 500) AS text
FROM near
WHERE merged_into_id IS NULL AND lon BETWEEN %(west)s AND %(east)s AND lat BETWEEN %(south)s AND %(north)s
