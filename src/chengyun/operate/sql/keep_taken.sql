-- SPDX-License-Identifier: Apache-2.0
-- How far each stream has been taken now, and before. A stream with a note that was left behind stays where it was.
WITH given AS (SELECT * FROM unnest(%s::text[], %s::int8[]) AS given (stream, seq)),
before AS (SELECT known.stream, known.seq FROM operate_indices_taken AS known JOIN given USING (stream)),
kept AS (
    INSERT INTO operate_indices_taken AS known (stream, seq)
    SELECT stream, seq FROM given WHERE seq IS NOT NULL AND NOT EXISTS (SELECT FROM lake_touched AS left_over WHERE left_over.stream = given.stream)
    ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq)
SELECT stream, seq FROM before
