-- SPDX-License-Identifier: Apache-2.0
-- Conditions of rules on probation that began and ended inside one batch, or were history when they were noticed.
INSERT INTO probation_sighting (rule, subject, subject_name, area_code, holds, value, worst, "limit", times, since, last_seen_at,
    opened_at, ended_at, simulated, evidence)
SELECT rule, subject, subject_name, area_code, false, last_value, worst, "limit", times, since, ended, now, now, simulated, evidence
FROM json_to_recordset(%s::json) AS given (
    rule text, subject text, subject_name text, area_code text, value float8, last_value float8, worst float8, "limit" float8,
    times int, since timestamptz, last_seen_at timestamptz, ended timestamptz, now timestamptz, simulated bool, evidence jsonb) ORDER BY since
