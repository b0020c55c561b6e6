-- SPDX-License-Identifier: Apache-2.0
-- Conditions that began and ended inside one batch, or were long past when they were noticed: alerts that are born closed.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, dataset text, subject text, subject_name text, area_code text, severity text, last_value float8,
    worst float8, "limit" float8, times int, since timestamptz, ended timestamptz, now timestamptz, simulated bool,
    group_key text, evidence jsonb, because text)),
made AS (
    INSERT INTO operate_alert (rule, dataset, subject, subject_name, area_code, severity, state, holds, value, worst, "limit",
        times, since, last_seen_at, opened_at, cleared_at, closed_at, closed_because, simulated, group_key, evidence)
    SELECT rule, dataset, subject, subject_name, area_code, severity, 'closed', false, last_value, worst, "limit", times, since,
        ended, now, now, now, because, simulated, group_key, evidence
    FROM given ORDER BY since RETURNING id, opened_at, evidence, value, closed_because)
INSERT INTO operate_alertevent (alert_id, kind, at, value, note)
SELECT id, kind, opened_at, CASE kind WHEN 'raised' THEN (evidence ->> 'value')::float8 ELSE value END,
    CASE kind WHEN 'raised' THEN '' ELSE closed_because END
FROM made, unnest(ARRAY['raised', 'closed']) WITH ORDINALITY AS step (kind, nth) ORDER BY id, nth
