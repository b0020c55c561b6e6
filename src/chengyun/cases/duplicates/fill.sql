-- name:    量测用的案件
-- one row: one made-up case of the last 60 days; every third at one of 41 × 41 crowded places, every fourth still open
-- source:  seeded by setseed before it; $cases of them
INSERT INTO cases_case (
    number, type, state, ended, title, owner_id, area_code, lon, lat, opened_at, due_at, closed_at, simulated, evidence, source,
    category, catalog_version, condition, description, address, component_key, emergency, priority, report_count, returns, rework,
    extensions, deferrals, suspensions, arbitrations, reopened, suspended, stage_since
)
SELECT
    'B' || n, 'urban_management.case', CASE WHEN n %% 4 = 0 THEN 'handling' ELSE 'closed' END, n %% 4 <> 0, '路灯不亮',
    (SELECT min(id) FROM access_organisation), '', 121.5 + x, 29.8 + y, at, at + interval '3 days',
    CASE WHEN n %% 4 <> 0 THEN at + interval '2 days' END, false, '{}', 'app',
    'component/01' || lpad((1 + n %% 28)::text, 2, '0'), '', '', '路口第 ' || n || ' 号路灯不亮', '', '', false, 0, 1, 0, 0,
    0, 0, 0, 0, 0, false, at
FROM (
    SELECT
        n, now() - random() * interval '60 days' AS at,
        CASE WHEN n %% 3 = 0 THEN floor(random() * 41) / 200 + (random() - 0.5) / 500 ELSE random() * 0.2 END AS x,
        CASE WHEN n %% 3 = 0 THEN floor(random() * 41) / 200 + (random() - 0.5) / 500 ELSE random() * 0.2 END AS y
    FROM generate_series(1, %(cases)s) AS n
) AS made
