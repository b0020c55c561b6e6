-- SPDX-License-Identifier: Apache-2.0
-- Conditions that go on and began long ago: an alert opens where there is none, unless a person has closed it. It was
-- history when it was noticed and is the present now.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, dataset text, subject text, subject_name text, area_code text, severity text, value float8, worst float8,
    "limit" float8, times int, since timestamptz, last_seen_at timestamptz, now timestamptz, simulated bool, group_key text,
    evidence jsonb)),
made AS (
    INSERT INTO operate_alert AS alert (rule, dataset, subject, subject_name, area_code, severity, value, worst, "limit", times,
        since, last_seen_at, opened_at, simulated, group_key, evidence)
    SELECT rule, dataset, subject, subject_name, area_code, severity, value, worst, "limit", times, since, last_seen_at, now,
        simulated, group_key, evidence FROM given WHERE NOT EXISTS (
        SELECT FROM operate_rulestate AS state WHERE state.rule = given.rule AND state.subject = given.subject AND state.holds
    ) ORDER BY rule, subject
    ON CONFLICT (rule, subject) WHERE NOT state = 'closed' DO NOTHING
    RETURNING *),
events AS (
    INSERT INTO operate_alertevent (alert_id, kind, at, value)
    SELECT made.id, 'raised', given.now, made.value
    FROM made JOIN given USING (rule, subject))
SELECT pg_notify('chengyun_live', json_build_object('kind', 'alert', 'dataset', 'alerts', 'area', area_code, 'data', json_build_object(
    'id', id, 'rule', rule, 'subject', subject, 'subject_name', subject_name, 'severity', severity, 'state', state,
    'holds', holds, 'value', value, 'limit', "limit", 'opened_at', opened_at, 'simulated', simulated))::text) FROM made
