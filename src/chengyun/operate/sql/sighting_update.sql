-- SPDX-License-Identifier: Apache-2.0
-- Conditions of rules on probation that go on: the newest value.
UPDATE probation_sighting AS sighting SET last_seen_at = given.last_seen_at, value = given.value, worst = given.worst,
    times = given.times
FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, value float8, worst float8, times int, last_seen_at timestamptz)
WHERE sighting.rule = given.rule AND sighting.subject = given.subject AND sighting.holds
