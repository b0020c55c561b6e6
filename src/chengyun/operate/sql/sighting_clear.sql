-- SPDX-License-Identifier: Apache-2.0
-- Conditions of rules on probation that ended.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, value float8, worst float8, times int, last_seen_at timestamptz, now timestamptz)),
forgotten AS (DELETE FROM operate_rulestate AS state USING given WHERE state.rule = given.rule AND state.subject = given.subject)
UPDATE probation_sighting AS sighting SET holds = false, ended_at = given.now, last_seen_at = given.last_seen_at,
    value = given.value, worst = given.worst, times = given.times
FROM given WHERE sighting.rule = given.rule AND sighting.subject = given.subject AND sighting.holds
