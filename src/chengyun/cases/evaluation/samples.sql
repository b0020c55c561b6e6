-- name:    a year of recorded cases, for measurements and tests
-- one row: a case with its clock, its stays and the events of its steps
-- source:  synthetic: on time with a chance that differs by department and category; the same numbers give the same cases
--
-- %(cases)s cases evenly over %(days)s days from %(start)s, for the departments %(departments)s, by the people %(people)s.
CREATE TEMPORARY TABLE sample ON COMMIT DROP AS
WITH drawn AS (
    SELECT i, %(start)s::timestamptz + i * (%(days)s * interval '1 day' / %(cases)s) AS opened_at,
           1 + (hashint8(i * 31 + 1) & 1048575) %% cardinality(%(departments)s::bigint[]) AS place,
           (hashint8(i * 31 + 2) & 1048575) / 1048576.0 AS luck, (hashint8(i * 31 + 3) & 1048575) / 1048576.0 AS chance,
           1 + (hashint8(i * 31 + 4) & 1048575) %% 12 AS minor, (hashint8(i * 31 + 5) & 1048575) / 1048576.0 AS redo,
           1 + (hashint8(i * 31 + 6) & 1048575) %% cardinality(%(areas)s::text[]) AS area,
           1 + (hashint8(i * 31 + 7) & 1048575) %% cardinality(%(people)s::bigint[]) AS person
    FROM generate_series(1, %(cases)s) i
)
SELECT %(first_id)s + i AS id, i, opened_at, (%(departments)s::bigint[])[place] AS department, (%(areas)s::text[])[area] AS area_code,
       (%(people)s::bigint[])[person] AS person, 'event/01' || lpad(minor::text, 2, '0') AS category,
       luck < 0.97 - 0.02 * (place %% 10) - 0.01 * minor AS on_time, chance < 0.02 AS never, redo < 0.06 AS rework,
       opened_at + interval '6 hours' * luck AS given_at
FROM drawn;

ANALYZE sample;

INSERT INTO cases_case (id, number, type, state, ended, title, owner_id, area_code, opened_at, due_at, closed_at, simulated, evidence,
    source, category, catalog_version, condition, description, address, component_key, emergency, priority, report_count,
    department_id, returns, rework, extensions, deferrals, suspensions, arbitrations, reopened, suspended, dispatched_at, handled_at,
    stage_since, lon, lat, in_time)
SELECT id, 'S-' || id, %(type)s, CASE WHEN never THEN 'handling' ELSE 'closed' END, NOT never, '样例 ' || i, department, area_code,
    opened_at, given_at + interval '24 hours', CASE WHEN NOT never THEN given_at + interval '1 hour' * (CASE WHEN on_time THEN 20 ELSE 40 END) END,
    true, '{}', CASE WHEN i %% 3 = 0 THEN 'patrol' ELSE 'hotline' END, category, '', '', '', '', '', false, 0, 1, department, 0,
    rework::int, 0, 0, 0, 0, 0, false, given_at, CASE WHEN NOT never THEN given_at + interval '1 hour' * (CASE WHEN on_time THEN 16 ELSE 36 END) END,
    given_at, 121.5 + (hashint8(i * 17) & 65535) / 655360.0, 29.8 + (hashint8(i * 19) & 65535) / 655360.0,
    CASE WHEN NOT never THEN on_time END
FROM sample;

INSERT INTO cases_caseclock (case_id, limit_s, used_s, running_since, basis, granted_s, source, limit_text)
SELECT id, 86400, CASE WHEN on_time THEN 57600 ELSE 129600 END, CASE WHEN never THEN given_at END, 'continuous', 86400, '', '' FROM sample;

INSERT INTO cases_casestage (case_id, state, owner_id, person_id, post, clock, reason, entered_at, left_at, basis, limit_s, used_s,
    own_limit, due_at, told)
SELECT id, step.state, department, NULL, '', CASE WHEN step.state = 'closed' THEN 'ended' ELSE 'runs' END, '', step.entered_at,
    step.left_at, 'continuous', 3600, 0, step.state <> 'handling',
    CASE step.state WHEN 'closed' THEN NULL WHEN 'handling' THEN given_at + interval '24 hours' ELSE step.entered_at + interval '3 hours' END, 0
FROM sample
CROSS JOIN LATERAL (SELECT given_at + interval '1 hour' * (CASE WHEN on_time THEN 16 ELSE 36 END) AS done_at) d
CROSS JOIN LATERAL (VALUES
    ('reported', opened_at, opened_at + (given_at - opened_at) / 3),
    ('to_file', opened_at + (given_at - opened_at) / 3, opened_at + (given_at - opened_at) * 2 / 3),
    ('to_dispatch', opened_at + (given_at - opened_at) * 2 / 3, given_at),
    ('handling', given_at, CASE WHEN NOT never THEN CASE WHEN rework THEN given_at + interval '6 hours' ELSE done_at END END),
    ('to_check', CASE WHEN rework THEN given_at + interval '6 hours' END, given_at + interval '7 hours'),
    ('handling', CASE WHEN rework THEN given_at + interval '7 hours' END, done_at),
    ('to_check', done_at, done_at + interval '2 hours'),
    ('to_close', done_at + interval '2 hours', done_at + interval '4 hours'),
    ('closed', done_at + interval '4 hours', NULL)) AS step (state, entered_at, left_at)
WHERE step.entered_at IS NOT NULL AND (NOT never OR step.state IN ('reported', 'to_file', 'to_dispatch', 'handling') AND step.entered_at <= given_at);

-- Without fresh statistics the two joins below go row by row.
ANALYZE cases_case, cases_casestage;

UPDATE cases_case c SET stage_id = s.id FROM cases_casestage s
WHERE s.case_id = c.id AND s.left_at IS NULL AND c.id > %(first_id)s;

INSERT INTO cases_caseevent (case_id, at, kind, transition, actor, account_id, before, after, reason, reason_code, note, data)
SELECT s.case_id, s.left_at, 'step', '', '样例', sample.person, jsonb_build_object('state', s.state), '{}', '', '', '', '{}'
FROM cases_casestage s JOIN sample ON sample.id = s.case_id
WHERE s.left_at IS NOT NULL AND s.left_at >= %(events_from)s AND s.left_at < %(events_until)s;
