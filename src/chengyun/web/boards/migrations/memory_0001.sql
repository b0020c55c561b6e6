-- SPDX-License-Identifier: Apache-2.0
-- Cases in work, remembered as alerts are. The owner's name is kept as it was: organisations are renamed.

CREATE FUNCTION boards_standing_of(told cases_case) RETURNS boards_standing LANGUAGE sql STABLE AS $$
    SELECT told.id, told.type, told.area_code, CASE WHEN NOT told.ended THEN jsonb_build_object(
        'number', told.number, 'type', told.type, 'state', told.state, 'title', told.title,
        'owner', (SELECT name FROM access_organisation WHERE id = told.owner_id), 'opened_at', told.opened_at,
        'due_at', told.due_at, 'paused', told.warn_at IS NULL, 'simulated', told.simulated) END
$$;

CREATE FUNCTION boards_cases_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM boards_remember('case', told) FROM (
        SELECT array_agg(boards_standing_of(ROW(fresh.*)::cases_case)) AS told FROM fresh WHERE NOT ended) AS opened
    WHERE told IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION boards_cases_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM boards_remember('case', told) FROM (
        SELECT array_agg(boards_standing_of(ROW(fresh.*)::cases_case)) AS told FROM fresh JOIN former USING (id)
        WHERE NOT (fresh.ended AND former.ended)
            AND (fresh.state, fresh.ended, fresh.title, fresh.owner_id, fresh.due_at, fresh.warn_at IS NULL, fresh.area_code)
            IS DISTINCT FROM
            (former.state, former.ended, former.title, former.owner_id, former.due_at, former.warn_at IS NULL, former.area_code)
    ) AS changed WHERE told IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION boards_cases_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE boards_remembered AS known SET until = greatest(clock_timestamp(), known.since) FROM former
    WHERE known.kind = 'case' AND known.thing = former.id AND known.until IS NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER boards_remember_inserted AFTER INSERT ON cases_case REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION boards_cases_inserted();
CREATE TRIGGER boards_remember_updated AFTER UPDATE ON cases_case REFERENCING NEW TABLE AS fresh OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION boards_cases_updated();
CREATE TRIGGER boards_remember_deleted AFTER DELETE ON cases_case REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION boards_cases_deleted();

SELECT boards_remember('case', told) FROM (
    SELECT array_agg(boards_standing_of(one)) AS told FROM cases_case AS one WHERE NOT ended) AS opened
WHERE told IS NOT NULL;
UPDATE boards_remembered SET since = least(since, opened_at) WHERE kind = 'case';
