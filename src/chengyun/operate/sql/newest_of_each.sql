-- SPDX-License-Identifier: Apache-2.0
-- The newest current figures of each subject, newest first, of periods that start before an instant when one is given. Without subjects, every subject is found by skipping through
-- the index from one to the next: the cost follows the number of subjects, not the length of their history.
WITH RECURSIVE subjects (subject) AS (
    (SELECT subject FROM operate_figure WHERE indicator = %(indicator)s AND superseded_at IS NULL
        AND %(subjects)s::text[] IS NULL ORDER BY subject LIMIT 1)
    UNION ALL
    SELECT (SELECT figure.subject FROM operate_figure AS figure WHERE figure.indicator = %(indicator)s
        AND figure.superseded_at IS NULL AND figure.subject > subjects.subject ORDER BY figure.subject LIMIT 1)
    FROM subjects WHERE subjects.subject IS NOT NULL
), wanted AS (
    SELECT subject FROM subjects WHERE subject IS NOT NULL UNION SELECT unnest(%(subjects)s::text[])
)
SELECT wanted.subject, newest.area_code, newest.period_start, newest.value, newest.id, newest.simulated
FROM wanted, LATERAL (
    SELECT * FROM operate_figure AS figure WHERE figure.indicator = %(indicator)s AND figure.subject = wanted.subject
        AND figure.superseded_at IS NULL AND (%(before)s::timestamptz IS NULL OR figure.period_start < %(before)s)
    ORDER BY figure.period_start DESC LIMIT %(count)s
) AS newest ORDER BY wanted.subject, newest.period_start DESC
