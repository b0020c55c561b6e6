-- name:    what is counted of cases in a period
-- one row: a case and a unit it is counted for (an area, a department, or a person at a post)
-- into:    the temporary table evaluation_counted
-- source:  GB/T 30428.4: 按期 iff elapsed ≤ limit (inclusive); 挂账 is left out
--
-- A stay is decided when it is left or when its time is up, whichever is first, and belongs to the period of that moment: so each
-- counts in exactly one period. The department's stay is its last one with the work; its time runs on through returns.
-- uses:    the temporary table evaluation_seen (case_id, photo, no_visit): what verification saw, 0 no, 1 yes
INSERT INTO evaluation_counted (case_id, dimension, unit, stratum, counted, fair, shown)
WITH touched AS MATERIALIZED (
    SELECT id, state, area_code, category, condition, source, department_id, suspended, ended, opened_at, closed_at, handled_at,
           dispatched_at, extensions, rework, reopened, stage_id,
           round(lon * 2000)::int AS cell_x, round(lat * 2000)::int AS cell_y,
           split_part(category, '/', 1) || '/' || left(split_part(category, '/', 2), 2) AS kind,
           category || '|' || condition || '|' AS mix
    FROM cases_case
    -- Those that had not ended when the period began, nor been opened when it ended: asked for in four parts, each of which an
    -- index has, so that neither what ended before the period is read nor what came after it.
    WHERE type = %(type)s AND id IN (
        SELECT id FROM cases_case WHERE NOT ended AND opened_at < %(until)s
        UNION ALL
        SELECT id FROM cases_case WHERE ended AND closed_at >= %(since)s AND closed_at < %(until)s AND opened_at < %(until)s
        UNION ALL
        SELECT id FROM cases_case WHERE ended AND closed_at >= %(until)s
            AND opened_at < %(until)s AND opened_at >= %(until)s - interval '30 days'
        UNION ALL
        -- The few that lasted long: index cases_case_lasting.
        SELECT id FROM cases_case WHERE ended AND closed_at >= %(until)s
            AND opened_at < %(until)s - interval '30 days' AND closed_at - opened_at > interval '30 days')
), stays AS MATERIALIZED (
    -- Case by case (OFFSET 0 keeps it so): joined as a whole, all stays of the register up to the period's end would be read.
    SELECT s.* FROM touched t CROSS JOIN LATERAL (
        SELECT s.case_id, s.id, s.state, s.owner_id, s.person_id, s.entered_at, s.left_at, s.due_at, s.clock,
               lead(s.state) OVER (ORDER BY s.entered_at, s.id) AS next_state,
               least(s.left_at, s.due_at) AS decided_at,
               s.left_at IS NOT NULL AND s.left_at <= s.due_at AS on_time
        FROM cases_casestage s WHERE s.case_id = t.id AND s.entered_at < %(until)s OFFSET 0) s
), work AS (
    -- The last stay with the work, and the first: who was given it.
    SELECT DISTINCT ON (case_id) case_id, owner_id, entered_at, left_at, due_at, next_state
    FROM stays WHERE state = ANY(%(handle)s) ORDER BY case_id, entered_at DESC, id DESC
), given AS (
    SELECT DISTINCT ON (case_id) case_id, owner_id
    FROM stays WHERE state = ANY(%(handle)s) ORDER BY case_id, entered_at, id
), ways AS (
    SELECT case_id,
           min(left_at) FILTER (WHERE state = ANY(%(file)s) AND next_state = ANY(%(dispatch)s)) AS filed_at,
           bool_or(on_time) FILTER (WHERE state = ANY(%(file)s) AND next_state = ANY(%(dispatch)s)) AS filed_on_time,
           min(left_at) FILTER (WHERE state = ANY(%(intake)s)) AS accepted_at,
           bool_or(state = ANY(%(handle)s) AND next_state = ANY(%(given_back)s)) AS returned,
           bool_or(state = ANY(%(closed)s) AND left_at IS NOT NULL) AS opened_again,
           min(entered_at) FILTER (WHERE state = ANY(%(closed)s)) AS first_closed_at,
           bool_or(state = ANY(%(handle)s) AND next_state = ANY(%(check)s) AND on_time) AS once_on_time
    FROM stays GROUP BY case_id
), ratings AS (
    SELECT r.case_id, min(r.rating) AS rating, min(r.rated_at) AS rated_at,
           coalesce(min(nullif(c.phone, '')), min(nullif(c.email, ''))) AS reach
    FROM intake_report r LEFT JOIN intake_reportcontact c ON c.report_id = r.id
    WHERE r.rating IS NOT NULL AND r.case_id IS NOT NULL AND r.rated_at < %(until)s
    GROUP BY r.case_id
), often AS (
    SELECT t.department_id, r.reach FROM ratings r JOIN touched t ON t.id = r.case_id
    WHERE r.reach IS NOT NULL GROUP BY t.department_id, r.reach HAVING count(*) >= %(often)s
), contradicted AS (
    -- Whoever says that nothing was mended takes the rating back with it: it is the same word, said louder.
    SELECT e.case_id, max(e.at) AS at FROM cases_caseevent e
    WHERE e.case_id IN (SELECT r.case_id FROM intake_report r JOIN touched t ON t.id = r.case_id)
      AND e.kind = 'contradicted' AND e.at < %(until)s
    GROUP BY e.case_id
), recategorised AS (
    SELECT t.id AS case_id FROM touched t WHERE EXISTS (
        SELECT 1 FROM cases_caseevent e
        -- A category that gives no more time is a correction, whoever makes it.
        WHERE e.case_id = t.id AND e.data ? 'category' AND e.at > t.dispatched_at AND e.at < %(until)s
          AND coalesce((e.data -> 'limit_s' ->> 1)::bigint > (e.data -> 'limit_s' ->> 0)::bigint, false) AND e.account_id = ANY(
            SELECT a.id FROM access_account a WHERE a.organisation_id = t.department_id))
), again AS (
    SELECT DISTINCT c.id AS case_id
    FROM touched c JOIN ways w ON w.case_id = c.id
    JOIN cases_case later ON later.type = %(type)s AND later.category = c.category AND later.id <> c.id
         AND round(later.lon * 2000)::int = c.cell_x AND round(later.lat * 2000)::int = c.cell_y
         AND later.opened_at > w.first_closed_at AND later.opened_at <= w.first_closed_at + %(again_within)s
    WHERE c.cell_x IS NOT NULL AND c.category <> '' AND later.opened_at >= %(since)s
      AND later.opened_at < %(until)s + %(again_within)s  -- no case of the period was closed after it
), parts AS (
    SELECT id, department_id IS NOT NULL AND cell_x IS NOT NULL AND category <> '' AND source <> 'alert'
               AND row_number() OVER (PARTITION BY department_id, kind, cell_x, cell_y, (opened_at AT TIME ZONE %(zone)s)::date
                                      ORDER BY opened_at, id) > 1 AS split_part
    FROM touched
), judged AS MATERIALIZED (
    -- What became of the work, one row for each case that was given to a department.
    SELECT t.*, work.owner_id AS worker_id, given.owner_id AS given_id, work.due_at AS work_due, ways.filed_at, ways.returned,
           ways.opened_again, ways.once_on_time, ways.first_closed_at,
           done.done_at, done.done_at IS NOT NULL AND done.done_at <= work.due_at AS done_on_time,
           CASE WHEN done.done_at IS NOT NULL OR (NOT t.suspended AND now_in.clock <> 'paused')
                THEN least(done.done_at, work.due_at) END AS decided_at,
           CASE WHEN t.ended AND t.state = ANY(%(closed)s)
                THEN CASE WHEN done.done_at <= work.due_at THEN t.closed_at ELSE least(t.closed_at, work.due_at) END
                WHEN done.done_at IS NULL AND NOT t.suspended AND now_in.clock <> 'paused' THEN work.due_at END AS close_decided_at,
           clock.limit_s > clock.granted_s AS extended,
           extract(epoch FROM work.left_at - work.entered_at) < %(instant_s)s AND done.done_at = work.left_at AS instant,
           ratings.rating, ratings.rated_at,
           ratings.rating >= 4 AND (often.reach IS NOT NULL OR ratings.rated_at < ways.first_closed_at + %(hasty)s) AS odd_rating,
           recategorised.case_id IS NOT NULL AS shifted, again.case_id IS NOT NULL AS reported_again,
           coalesce(parts.split_part, false) AS split_part
    FROM touched t
    JOIN work ON work.case_id = t.id
    JOIN given ON given.case_id = t.id
    JOIN ways ON ways.case_id = t.id
    JOIN cases_caseclock clock ON clock.case_id = t.id
    JOIN cases_casestage now_in ON now_in.id = t.stage_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN work.next_state = ANY(%(check)s) THEN work.left_at END AS done_at) done
    LEFT JOIN ratings ON ratings.case_id = t.id
    LEFT JOIN often ON often.department_id = t.department_id AND often.reach = ratings.reach
    LEFT JOIN recategorised ON recategorised.case_id = t.id
    LEFT JOIN again ON again.case_id = t.id
    LEFT JOIN parts ON parts.id = t.id
    WHERE NOT t.state = ANY(%(void)s)
), due AS MATERIALIZED (
    SELECT j.*, j.decided_at >= %(since)s AND j.decided_at < %(until)s AS handle_due,
           j.close_decided_at >= %(since)s AND j.close_decided_at < %(until)s AS close_due
    FROM judged j
), hard AS (
    -- A category in which fewer are done in time than overall, of those that come often enough to say so.
    SELECT category FROM due WHERE handle_due IS TRUE GROUP BY category
    HAVING count(*) >= %(hard_least)s
       AND avg(done_on_time::int) < (SELECT avg(done_on_time::int) FROM due WHERE handle_due IS TRUE)
), marked AS MATERIALIZED (
    SELECT d.*, d.category IN (SELECT category FROM hard) AS hard FROM due d
    WHERE d.handle_due IS TRUE OR d.close_due IS TRUE
), shown AS (
    -- Two bits for each sign of doubt.SIGNS, in its order: 0 not shown, 1 shown, 2 could not be seen.
    SELECT m.id,
           CASE WHEN done_at IS NULL THEN -1 ELSE
               coalesce(seen.photo, %(unseen)s) + coalesce(seen.no_visit, %(unseen)s) * 4 + m.instant::int * 16
               + CASE WHEN contradicted.at > m.done_at THEN 64 WHEN m.rating IS NULL THEN 128 ELSE (m.rating <= 2)::int * 64 END
               + m.reported_again::int * 256 END AS shown
    FROM marked m LEFT JOIN evaluation_seen seen ON seen.case_id = m.id
    LEFT JOIN contradicted ON contradicted.case_id = m.id
), departments AS (
    SELECT m.id AS case_id, 'department' AS dimension, o.key AS unit, m.mix || left(m.area_code, 9) AS stratum,
        (m.handle_due IS TRUE)::int * (
            %(handle_due)s + %(assigned)s
            + (m.done_at IS NOT NULL)::int * %(handled)s + m.done_on_time::int * %(handled_on_time)s
            + (m.done_at IS NULL AND m.work_due < %(until)s)::int * %(overdue_open)s
            + m.extended::int * %(extended)s + (m.rework > 0)::int * %(reworked_handled)s
            + (m.rating IS NOT NULL)::int * (%(rated)s + %(ratings)s) + coalesce(m.rating >= 4, false)::int * %(satisfied)s
            + coalesce(m.odd_rating, false)::int * %(rating_doubtful)s
            + (m.done_at IS NOT NULL)::int * %(closings)s
            + (m.opened_again AND coalesce(m.once_on_time, false))::int * %(reopened_early)s
            + m.shifted::int * %(shifted)s + m.split_part::int * %(split_part)s
            + m.hard::int * %(hard_assigned)s
            + (m.hard AND m.returned AND m.given_id = m.worker_id)::int * %(hard_returned)s)
        + (m.close_due IS TRUE)::int * (
            %(close_due)s + (m.state = ANY(%(closed)s))::int * %(closed_count)s
            + (m.state = ANY(%(closed)s) AND m.done_on_time)::int * %(closed_on_time)s + (m.rework > 0)::int * %(reworked)s)
        AS counted,
        CASE WHEN m.split_part THEN 0 ELSE
        (m.handle_due IS TRUE)::int * (
            %(handle_due)s + (m.done_at IS NOT NULL)::int * %(handled)s
            + (m.done_on_time AND NOT m.opened_again AND NOT m.shifted)::int * %(handled_on_time)s
            + (m.done_at IS NULL AND m.work_due < %(until)s)::int * %(overdue_open)s
            + m.extended::int * %(extended)s + (m.rework > 0)::int * %(reworked_handled)s
            + (m.rating IS NOT NULL AND NOT coalesce(m.odd_rating, false))::int * %(rated)s
            + coalesce(m.rating >= 4 AND NOT m.odd_rating, false)::int * %(satisfied)s)
        + (m.close_due IS TRUE)::int * (
            %(close_due)s + (m.state = ANY(%(closed)s))::int * %(closed_count)s
            + (m.state = ANY(%(closed)s) AND m.done_on_time AND NOT m.opened_again)::int * %(closed_on_time)s
            + (m.rework > 0)::int * %(reworked)s)
        END AS fair,
        shown.shown
    FROM marked m JOIN access_organisation o ON o.id = m.worker_id JOIN shown ON shown.id = m.id
), passed_on AS (
    -- Whoever was given a case and got rid of it still answers for it in the fair view.
    SELECT m.id AS case_id, 'department' AS dimension, o.key AS unit, m.mix || left(m.area_code, 9) AS stratum,
           %(assigned)s + m.hard::int * (%(hard_assigned)s + %(hard_returned)s) AS counted,
           %(handle_due)s + %(overdue_open)s AS fair, -1 AS shown
    FROM marked m JOIN access_organisation o ON o.id = m.given_id
    WHERE m.given_id <> m.worker_id AND m.returned AND m.handle_due IS TRUE
), areas AS (
    SELECT t.id AS case_id, 'area' AS dimension, t.area_code AS unit, t.mix AS stratum,
        coalesce(w.accepted_at >= %(since)s AND w.accepted_at < %(until)s AND NOT t.state = ANY(%(void)s), false)::int * %(accepted)s
        + f.in_period * (%(filed)s + coalesce(w.filed_on_time, false)::int * %(filed_on_time)s
            + (t.state = ANY(%(void)s))::int * %(voided)s + coalesce(w.opened_again, false)::int * %(complaint_upheld)s
            + (t.source NOT IN ('patrol', 'alert'))::int * %(missed)s)
        + (m.handle_due IS TRUE)::int * (%(handle_due)s + (m.done_at IS NOT NULL)::int * %(handled)s
            + m.done_on_time::int * %(handled_on_time)s
            + (m.done_at IS NULL AND m.work_due < %(until)s)::int * %(overdue_open)s)
        + (m.close_due IS TRUE)::int * (%(close_due)s + (m.state = ANY(%(closed)s))::int * %(closed_count)s
            + (m.state = ANY(%(closed)s) AND m.done_on_time)::int * %(closed_on_time)s + (m.rework > 0)::int * %(reworked)s)
        AS counted,
        coalesce(m.split_part, false) AS split_part, coalesce(m.opened_again, false) AS opened_again
    FROM touched t JOIN ways w ON w.case_id = t.id LEFT JOIN marked m ON m.id = t.id
    CROSS JOIN LATERAL (SELECT coalesce(w.filed_at >= %(since)s AND w.filed_at < %(until)s, false)::int AS in_period) f
    WHERE t.area_code <> ''
), posts AS (
    SELECT s.case_id, s.id, s.state, s.next_state, s.on_time, s.left_at, s.person_id, t.mix, t.state AS case_state
    FROM stays s JOIN touched t ON t.id = s.case_id
    WHERE s.decided_at >= %(since)s AND s.decided_at < %(until)s
      AND s.state = ANY(%(post_states)s)
), steps AS MATERIALIZED (
    -- The period's events in one pass, found by their time; looked up stay by stay they took most of the count's time.
    SELECT DISTINCT ON (case_id, at, state) case_id, at, before ->> 'state' AS state, account_id
    FROM cases_caseevent WHERE kind = 'step' AND at >= %(since)s AND at < %(until)s ORDER BY case_id, at, state, id
), acted AS MATERIALIZED (
    SELECT p.*, coalesce(e.account_id, later.account_id, p.person_id) AS who
    FROM posts p LEFT JOIN steps e ON e.case_id = p.case_id AND e.at = p.left_at AND e.state = p.state
    -- A stay decided by its limit may have been left after the period: few are.
    LEFT JOIN LATERAL (
        SELECT account_id FROM cases_caseevent e
        WHERE p.left_at >= %(until)s AND e.case_id = p.case_id AND e.at = p.left_at AND e.kind = 'step'
          AND e.before ->> 'state' = p.state ORDER BY id LIMIT 1) later ON true
), first_sent AS (
    SELECT DISTINCT ON (case_id) case_id, id FROM stays WHERE state = ANY(%(dispatch)s) ORDER BY case_id, entered_at, id
), people AS (
    SELECT a.case_id,
        CASE WHEN a.state = ANY(%(seen_by_inspectors)s) THEN 'inspector' WHEN a.state = ANY(%(intake)s) THEN 'intake'
             WHEN a.state = ANY(%(file)s) THEN 'chief' ELSE 'dispatcher' END AS dimension,
        a.who::text AS unit, a.mix AS stratum,
        (a.state = ANY(%(verify)s))::int * (%(verify_due)s + a.on_time::int * %(verified_on_time)s)
        + (a.state = ANY(%(check)s))::int * (%(check_due)s + a.on_time::int * %(checked_on_time)s)
        + (a.state = ANY(%(intake)s))::int * (
            (a.left_at IS NOT NULL AND NOT a.next_state = ANY(%(void)s))::int * %(accepted)s
            + coalesce(a.next_state = ANY(%(verify)s), false)::int * (%(send_verify_due)s + a.on_time::int * %(sent_verify_on_time)s))
        + (a.state = ANY(%(file)s) AND a.next_state = ANY(%(dispatch)s))::int * (
            %(filed)s + a.on_time::int * %(filed_on_time)s + (a.case_state = ANY(%(void)s))::int * %(voided)s
            + coalesce(m.close_due, false)::int * (%(close_due)s
                + (m.state = ANY(%(closed)s) AND m.done_on_time)::int * %(closed_on_time)s))
        + (a.state = ANY(%(dispatch)s))::int * (%(dispatch_due)s + (a.left_at IS NOT NULL)::int * %(dispatched)s
            + a.on_time::int * %(dispatched_on_time)s
            + coalesce(m.returned AND m.given_id <> m.worker_id AND a.id = fd.id, false)::int * %(sent_back)s)
        AS counted
    FROM acted a
    LEFT JOIN marked m ON m.id = a.case_id
    LEFT JOIN first_sent fd ON fd.case_id = a.case_id
    WHERE a.who IS NOT NULL
), patrols AS (
    SELECT t.id AS case_id, 'inspector' AS dimension, e.account_id::text AS unit, t.mix AS stratum,
           %(reported)s + (NOT t.state = ANY(%(void)s))::int * %(reported_valid)s AS counted
    FROM touched t JOIN cases_caseevent e ON e.case_id = t.id AND e.kind = 'opened' AND e.account_id IS NOT NULL
    WHERE t.source = 'patrol' AND t.opened_at >= %(since)s
), beats AS (
    -- What somebody else found where an inspector walks.
    SELECT t.id AS case_id, 'inspector' AS dimension, a.account_id::text AS unit, t.mix AS stratum,
           %(filed)s + (t.source NOT IN ('patrol', 'alert'))::int * %(missed)s AS counted
    FROM touched t JOIN ways w ON w.case_id = t.id AND w.filed_at >= %(since)s AND w.filed_at < %(until)s
    JOIN access_assignment a ON a.role = 'grid_worker' AND a.area_code = ANY(ARRAY[left(t.area_code, 9), left(t.area_code, 12)])
)
SELECT case_id, dimension, unit, stratum, counted, fair, shown FROM departments WHERE counted <> 0
UNION ALL SELECT case_id, dimension, unit, stratum, counted, fair, shown FROM passed_on
UNION ALL SELECT case_id, dimension, unit, stratum, counted,
    CASE WHEN split_part THEN counted & (%(filed)s | %(missed)s)
         WHEN opened_again THEN counted & ~(%(handled_on_time)s | %(closed_on_time)s)::bigint ELSE counted END, -1
FROM areas WHERE counted <> 0
UNION ALL SELECT case_id, dimension, unit, stratum, counted, counted, -1 FROM people WHERE counted <> 0
UNION ALL SELECT case_id, dimension, unit, stratum, counted, counted, -1 FROM patrols
UNION ALL SELECT case_id, dimension, unit, stratum, counted, counted, -1 FROM beats
