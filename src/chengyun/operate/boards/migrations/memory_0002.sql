-- SPDX-License-Identifier: Apache-2.0
-- What was known when, noted by the database itself beside every write of figures and alerts.

-- Figures have one writer and rising ids, so a moment and an id say which were current. One mark a transaction, at the clock of its
-- first statement: what it takes away and what it puts in its place become known together.
CREATE FUNCTION boards_mark_figures() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest bigint := (SELECT last_value FROM operate_figure_id_seq);
    mine bigint := pg_current_xact_id()::text::bigint;
BEGIN
    -- Numbers of transactions begin again in a restored database: an old mark of the same number is none of this one's.
    UPDATE boards_figuremark SET upto = newest WHERE tx = mine AND at >= transaction_timestamp();
    IF NOT FOUND THEN
        INSERT INTO boards_figuremark (at, upto, tx) VALUES (clock_timestamp(), newest, mine);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER boards_mark_inserted AFTER INSERT ON operate_figure FOR EACH STATEMENT EXECUTE FUNCTION boards_mark_figures();
CREATE TRIGGER boards_mark_updated AFTER UPDATE ON operate_figure FOR EACH STATEMENT EXECUTE FUNCTION boards_mark_figures();

-- Things as they now stand, told by a trigger on their table: what is over ends, what changed begins anew.
CREATE TYPE boards_standing AS (thing bigint, dataset text, area_code text, standing jsonb);

CREATE FUNCTION boards_remember(of_kind text, told boards_standing[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    -- A clock that was set back must not stop who writes.
    UPDATE boards_remembered AS known SET until = greatest(moment, known.since) FROM unnest(told) AS now_it
    WHERE known.kind = of_kind AND known.thing = now_it.thing AND known.until IS NULL
        AND (now_it.standing IS NULL OR known.row IS DISTINCT FROM now_it.standing OR known.area_code <> now_it.area_code);
    INSERT INTO boards_remembered (kind, thing, dataset, area_code, opened_at, row, since)
    SELECT of_kind, now_it.thing, now_it.dataset, now_it.area_code, (now_it.standing ->> 'opened_at')::timestamptz,
        now_it.standing, moment FROM unnest(told) AS now_it
    WHERE now_it.standing IS NOT NULL AND NOT EXISTS (
        SELECT FROM boards_remembered AS known
        WHERE known.kind = of_kind AND known.thing = now_it.thing AND known.until IS NULL
    ) ORDER BY now_it.thing;
END $$;

CREATE INDEX boards_remembered_span ON boards_remembered USING gist (tstzrange(since, until));

CREATE FUNCTION boards_standing_of(alert operate_alert) RETURNS boards_standing LANGUAGE sql STABLE AS $$
    SELECT alert.id, alert.dataset, alert.area_code, CASE WHEN alert.state <> 'closed' THEN jsonb_build_object(
        'rule', alert.rule, 'subject', alert.subject, 'subject_name', alert.subject_name, 'severity', alert.severity,
        'state', alert.state, 'holds', alert.holds, 'value', alert.value, 'limit', alert."limit", 'since', alert.since,
        'opened_at', alert.opened_at, 'simulated', alert.simulated) END
$$;

CREATE FUNCTION boards_alerts_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM boards_remember('alert', told) FROM (
        SELECT array_agg(boards_standing_of(ROW(fresh.*)::operate_alert)) AS told FROM fresh WHERE state <> 'closed') AS opened
    WHERE told IS NOT NULL;
    RETURN NULL;
END $$;

-- A value that goes on rising is no new standing: it is remembered as it was when the alert last changed.
CREATE FUNCTION boards_alerts_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM boards_remember('alert', told) FROM (
        SELECT array_agg(boards_standing_of(ROW(fresh.*)::operate_alert)) AS told FROM fresh JOIN former USING (id)
        WHERE (fresh.state, fresh.holds, fresh.severity, fresh.area_code, fresh.subject_name)
            IS DISTINCT FROM (former.state, former.holds, former.severity, former.area_code, former.subject_name)
    ) AS changed WHERE told IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION boards_alerts_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE boards_remembered AS known SET until = greatest(clock_timestamp(), known.since) FROM former
    WHERE known.kind = 'alert' AND known.thing = former.id AND known.until IS NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER boards_remember_inserted AFTER INSERT ON operate_alert REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION boards_alerts_inserted();
CREATE TRIGGER boards_remember_updated AFTER UPDATE ON operate_alert REFERENCING NEW TABLE AS fresh OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION boards_alerts_updated();
CREATE TRIGGER boards_remember_deleted AFTER DELETE ON operate_alert REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION boards_alerts_deleted();

-- What was there before anybody took notes: figures as they say when they were computed, open alerts from when they were noticed.
INSERT INTO boards_figuremark (at, upto, tx)
SELECT at, max(max(id)) OVER (ORDER BY at), 0 FROM (
    SELECT date_trunc('second', computed_at) + interval '1 s' AS at, id FROM operate_figure
    UNION ALL SELECT date_trunc('second', superseded_at) + interval '1 s', until_id FROM operate_figure
    WHERE superseded_at IS NOT NULL AND until_id IS NOT NULL
) AS written GROUP BY at;
SELECT boards_remember('alert', told) FROM (
    SELECT array_agg(boards_standing_of(alert)) AS told FROM operate_alert AS alert WHERE state <> 'closed') AS opened
WHERE told IS NOT NULL;
UPDATE boards_remembered SET since = least(since, opened_at) WHERE kind = 'alert';
