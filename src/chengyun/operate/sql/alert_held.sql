-- SPDX-License-Identifier: Apache-2.0
-- What rules remember between starts: open conditions and runs begun; of rules on probation, what they have sighted.
SELECT held.rule, register.id, held.holds, held.run, held.since, held.worst, held.times FROM (
    SELECT rule, subject, holds, 0 AS run, since, worst, times FROM operate_alert WHERE state <> 'closed' AND rule = ANY(%(loud)s)
    UNION ALL
    SELECT rule, subject, holds, 0, since, worst, times FROM probation_sighting WHERE holds AND rule = ANY(%(quiet)s)
    UNION ALL
    SELECT rule, subject, holds, run, since, NULL, run FROM operate_rulestate WHERE rule = ANY(%(rules)s)
) AS held JOIN {register} AS register ON register.key = held.subject WHERE held.holds OR held.run > 0
