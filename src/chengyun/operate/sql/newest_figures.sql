-- SPDX-License-Identifier: Apache-2.0
-- The two newest current figures of each of these indicators and subjects: one index look-up each.
SELECT newest.id FROM unnest(%s::text[]) AS indicators (indicator), unnest(%s::text[]) AS subjects (subject), LATERAL (
    SELECT id FROM operate_figure AS figure WHERE figure.indicator = indicators.indicator AND figure.subject = subjects.subject
        AND figure.superseded_at IS NULL ORDER BY figure.period_start DESC LIMIT 2
) AS newest
