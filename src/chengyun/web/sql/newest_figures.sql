-- SPDX-License-Identifier: Apache-2.0
-- name:    newest current figure of each indicator for each subject
-- one row: one indicator, one subject
-- The lateral read is one index probe for each pair, however long the history is.
SELECT f.id, wanted.indicator, subjects.subject, f.period_start, f.value, f.detail, f.coverage, f.simulated, f.computed_at,
       f.area_code
FROM unnest(%(indicators)s::text[]) WITH ORDINALITY AS wanted (indicator, place)
CROSS JOIN unnest(%(subjects)s::text[]) AS subjects (subject)
CROSS JOIN LATERAL (
    SELECT *
    FROM operate_figure AS one
    WHERE one.indicator = wanted.indicator AND one.subject = subjects.subject AND one.superseded_at IS NULL
    ORDER BY one.period_start DESC
    LIMIT 1
) AS f
ORDER BY wanted.place, subjects.subject
