-- SPDX-License-Identifier: Apache-2.0
-- What an indicator's current figures of a window say. The detail as text: parsing it where it is compared costs less.
SELECT id, version, subject, period_start, value, detail::text, coverage, simulated FROM operate_figure
WHERE indicator = %s AND period_start >= %s AND period_start < %s AND superseded_at IS NULL
