-- SPDX-License-Identifier: Apache-2.0
-- What indicators' current figures of a window say, one indicator after the other by its index. The detail as text: parsing it
-- where it is compared costs less.
SELECT figure.indicator, id, version, subject, period_start, value, detail::text, coverage, simulated
FROM unnest(%s::text[]) AS wanted (indicator), LATERAL (
    SELECT * FROM operate_figure AS own WHERE own.indicator = wanted.indicator AND own.period_start >= %s
        AND own.period_start < %s AND own.superseded_at IS NULL
) AS figure
