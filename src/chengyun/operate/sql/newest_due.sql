-- SPDX-License-Identifier: Apache-2.0
-- The newest windows of each of these indicators that wait, without those that failed lately.
SELECT wanted.indicator, own.start, own.mark, own.attempts FROM unnest(%(indicators)s::text[]) AS wanted (indicator), LATERAL (
    SELECT start, mark, attempts FROM operate_duewindow AS due WHERE due.indicator = wanted.indicator
        AND (due.not_before IS NULL OR due.not_before <= %(now)s) ORDER BY start DESC LIMIT %(most)s
) AS own ORDER BY wanted.indicator, own.start DESC
