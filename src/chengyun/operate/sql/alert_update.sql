-- SPDX-License-Identifier: Apache-2.0
-- Conditions that go on: the newest value of their alerts.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, value float8, worst float8, times int, last_seen_at timestamptz)),
held AS MATERIALIZED (SELECT alert.id FROM operate_alert AS alert JOIN given USING (rule, subject) WHERE alert.state <> 'closed'
    ORDER BY alert.id FOR UPDATE OF alert)
UPDATE operate_alert AS alert SET last_seen_at = given.last_seen_at, value = given.value, worst = given.worst, times = given.times
FROM given, held WHERE alert.id = held.id AND alert.rule = given.rule AND alert.subject = given.subject AND alert.state <> 'closed'
