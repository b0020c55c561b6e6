-- SPDX-License-Identifier: Apache-2.0
-- Each thing is looked for by its own number. Joined with the array instead, the plan was made, and kept, while nothing was remembered yet:
-- it read all that is remembered for every thing told, ever more with every case, until statistics were next gathered.
CREATE OR REPLACE FUNCTION boards_remember(of_kind text, told boards_standing[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    now_it record;
BEGIN
    FOR now_it IN SELECT * FROM unnest(told) ORDER BY thing LOOP
        -- A clock that was set back must not stop who writes.
        UPDATE boards_remembered AS known SET until = greatest(moment, known.since)
        WHERE known.kind = of_kind AND known.thing = now_it.thing AND known.until IS NULL
            AND (now_it.standing IS NULL OR known.row IS DISTINCT FROM now_it.standing OR known.area_code <> now_it.area_code);
        CONTINUE WHEN now_it.standing IS NULL OR NOT FOUND AND EXISTS (
            SELECT FROM boards_remembered AS known
            WHERE known.kind = of_kind AND known.thing = now_it.thing AND known.until IS NULL);
        INSERT INTO boards_remembered (kind, thing, dataset, area_code, opened_at, row, since)
        VALUES (of_kind, now_it.thing, now_it.dataset, now_it.area_code, (now_it.standing ->> 'opened_at')::timestamptz,
            now_it.standing, moment);
    END LOOP;
END $$;
