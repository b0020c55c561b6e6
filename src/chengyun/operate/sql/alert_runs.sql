-- SPDX-License-Identifier: Apache-2.0
-- Runs of observations that are not alerts yet; a run of 0 is forgotten.
WITH given AS (SELECT * FROM json_to_recordset(%s::json) AS given (rule text, subject text, run int, since timestamptz)),
gone AS (DELETE FROM operate_rulestate AS state USING given
    WHERE state.rule = given.rule AND state.subject = given.subject AND given.run = 0 AND NOT state.holds)
INSERT INTO operate_rulestate (rule, subject, run, since) SELECT rule, subject, run, since FROM given WHERE run > 0
ON CONFLICT (rule, subject) DO UPDATE SET run = excluded.run, since = excluded.since
