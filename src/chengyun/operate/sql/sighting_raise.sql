-- SPDX-License-Identifier: Apache-2.0
-- Conditions of rules on probation that hold: counted, told to nobody.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, subject_name text, area_code text, value float8, last_value float8, worst float8, "limit" float8,
    times int, since timestamptz, last_seen_at timestamptz, ended timestamptz, now timestamptz, simulated bool, evidence jsonb)),
forgotten AS (DELETE FROM operate_rulestate AS state USING given WHERE state.rule = given.rule AND state.subject = given.subject)
INSERT INTO probation_sighting (rule, subject, subject_name, area_code, value, worst, "limit", times, since, last_seen_at, opened_at,
    simulated, evidence)
SELECT rule, subject, subject_name, area_code, value, worst, "limit", times, since, last_seen_at, now, simulated, evidence
FROM given ORDER BY rule, subject ON CONFLICT (rule, subject) WHERE holds DO NOTHING
