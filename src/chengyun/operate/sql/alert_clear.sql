-- SPDX-License-Identifier: Apache-2.0
-- Conditions that ended: their alerts close, unless a person has taken one on and its case is open.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, value float8, worst float8, times int, last_seen_at timestamptz, now timestamptz)),
held AS MATERIALIZED (SELECT alert.id FROM operate_alert AS alert JOIN given USING (rule, subject) WHERE alert.state <> 'closed'
    ORDER BY alert.id FOR UPDATE OF alert),
done AS (
    UPDATE operate_alert AS alert SET holds = false, cleared_at = given.now, last_seen_at = given.last_seen_at,
        value = given.value, worst = given.worst, times = given.times,
        state = CASE WHEN alert.state = 'acknowledged' AND alert.in_case THEN alert.state ELSE 'closed' END,
        closed_at = CASE WHEN alert.state = 'acknowledged' AND alert.in_case THEN NULL ELSE given.now END,
        closed_because = CASE WHEN alert.state = 'acknowledged' AND alert.in_case THEN '' ELSE 'condition cleared' END
    FROM given, held WHERE alert.id = held.id AND alert.rule = given.rule AND alert.subject = given.subject AND alert.state <> 'closed' AND alert.holds
    RETURNING alert.*),
forgotten AS (DELETE FROM operate_rulestate AS state USING given WHERE state.rule = given.rule AND state.subject = given.subject),
events AS (
    INSERT INTO operate_alertevent (alert_id, kind, at, value, note)
    SELECT id, CASE WHEN state = 'closed' THEN 'closed' ELSE 'cleared' END, cleared_at, value, closed_because FROM done)
SELECT pg_notify('chengyun_live', json_build_object('kind', 'alert', 'dataset', 'alerts', 'area', area_code, 'data', json_build_object(
    'id', id, 'rule', rule, 'subject', subject, 'subject_name', subject_name, 'severity', severity, 'state', state,
    'holds', holds, 'value', value, 'limit', "limit", 'opened_at', opened_at, 'simulated', simulated))::text) FROM done
