-- SPDX-License-Identifier: Apache-2.0
-- Conditions that hold: an alert opens, or an open one whose condition had ended holds again. Counting what is held locks it
-- before anything is written.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, dataset text, subject text, subject_name text, area_code text, severity text, value float8, worst float8,
    "limit" float8, times int, since timestamptz, last_seen_at timestamptz, now timestamptz, simulated bool, group_key text,
    evidence jsonb)),
held AS MATERIALIZED (SELECT alert.id FROM operate_alert AS alert JOIN given USING (rule, subject) WHERE alert.state <> 'closed'
    ORDER BY alert.id FOR UPDATE OF alert),
made AS (
    INSERT INTO operate_alert AS alert (rule, dataset, subject, subject_name, area_code, severity, value, worst, "limit", times,
        since, last_seen_at, opened_at, simulated, group_key, evidence)
    SELECT rule, dataset, subject, subject_name, area_code, severity, value, worst, "limit", times, since, last_seen_at, now,
        simulated, group_key, evidence FROM given WHERE (SELECT count(*) FROM held) >= 0 ORDER BY rule, subject
    ON CONFLICT (rule, subject) WHERE NOT state = 'closed' DO UPDATE SET holds = true, cleared_at = NULL,
        last_seen_at = excluded.last_seen_at, value = excluded.value, worst = excluded.worst WHERE NOT alert.holds
    RETURNING *, xmax <> 0 AS known),
forgotten AS (DELETE FROM operate_rulestate AS state USING given WHERE state.rule = given.rule AND state.subject = given.subject),
events AS (
    INSERT INTO operate_alertevent (alert_id, kind, at, value)
    SELECT made.id, CASE WHEN known THEN 'returned' ELSE 'raised' END, given.now, made.value
    FROM made JOIN given USING (rule, subject))
SELECT pg_notify('chengyun_live', json_build_object('kind', 'alert', 'dataset', 'alerts', 'area', area_code, 'data', json_build_object(
    'id', id, 'rule', rule, 'subject', subject, 'subject_name', subject_name, 'severity', severity, 'state', state,
    'holds', holds, 'value', value, 'limit', "limit", 'opened_at', opened_at, 'simulated', simulated))::text) FROM made
