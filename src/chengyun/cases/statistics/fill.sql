-- name:    a city's cases of some years, for measuring pages
-- one row: a made-up case with what is counted of it, and nothing else: no clock, no stays, no events
-- source:  seeded by the numbers of the cases; few categories, streets and communities have most, as in life
--
-- %(first)s to %(last)s of %(cases)s cases, opened evenly over %(years)s years until now, by the bodies %(bodies)s.
INSERT INTO cases_case (
    id, number, type, state, ended, title, owner_id, department_id, area_code, opened_at, due_at, closed_at, in_time, simulated,
    evidence, source, category, catalog_version, condition, description, address, component_key, emergency, priority, report_count,
    returns, rework, extensions, deferrals, suspensions, arbitrations, reopened, suspended, stage_since
)
SELECT
    n, 'T-' || n, 'urban_management.case', CASE WHEN ended THEN CASE WHEN drop < 0.06 THEN 'void' ELSE 'closed' END ELSE 'handling' END,
    ended, '案件 ' || n, body, body,
    '3302' || lpad((1 + district)::text, 2, '0') || lpad((1 + street)::text, 3, '0') || lpad((1 + community)::text, 3, '0'), at,
    at + interval '3 days', CASE WHEN ended THEN at + took END, CASE WHEN ended AND drop >= 0.06 THEN took < interval '3 days' END, true,
    '{}', (ARRAY['patrol', 'hotline', 'app', 'web', 'alert', 'api', 'open311', 'email'])[1 + source],
    CASE WHEN category < 150 THEN 'event/' ELSE 'component/' END || lpad((100 + category)::text, 4, '0'), '2021', '', '', '', '',
    false, 0, 1, (luck < 0.06)::int, (luck > 0.96)::int, 0, 0, 0, 0, (luck BETWEEN 0.5 AND 0.515)::int, false, at
FROM (
    SELECT
        n, at, took, luck, drop, at + took < now() AND n %% 300 <> 0 AS ended,
        floor(10 * power(a, 1.5))::int AS district, floor(16 * power(b, 1.5))::int AS street,
        floor(20 * power(e, 1.5))::int AS community,
        floor(250 * power(c, 3))::int AS category, floor(8 * power(d, 2.5))::int AS source,
        (%(bodies)s::bigint[])[1 + (floor(250 * power(c, 3))::int * 7 + floor(10 * power(a, 1.5))::int * 3 + (luck * 2)::int)
                                   %% cardinality(%(bodies)s::bigint[])] AS body
    FROM (
        SELECT
            n, now() - (%(cases)s - n) * (%(years)s * interval '365 days' / %(cases)s) AS at,
            (hashint8extended(n, 1) & 1048575) / 1048576.0 AS a, (hashint8extended(n, 2) & 1048575) / 1048576.0 AS b,
            (hashint8extended(n, 3) & 1048575) / 1048576.0 AS c, (hashint8extended(n, 4) & 1048575) / 1048576.0 AS d,
            (hashint8extended(n, 5) & 1048575) / 1048576.0 AS luck, (hashint8extended(n, 6) & 1048575) / 1048576.0 AS drop,
            (hashint8extended(n, 8) & 1048575) / 1048576.0 AS e,
            interval '2 days' * -ln(0.001 + (hashint8extended(n, 7) & 1048575) / 1048576.0) AS took
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    ) AS drawn
) AS made
