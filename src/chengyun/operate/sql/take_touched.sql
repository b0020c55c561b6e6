-- SPDX-License-Identifier: Apache-2.0
-- Touched days, taken away, with the newest seq of their stream at that moment. One that an ingest transaction holds is left for
-- the next time: its rows are not committed yet. So are the days of more than a week ago of a stream whose history is being
-- loaded: its loader holds the advisory lock ('lake.history', stream), and takes the cores that their figures would take from it.
WITH filling AS (
    SELECT stream FROM lake_stream JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid::int8 = hashtext('lake.history')::int8 & 4294967295 AND objid::int8 = hashtext(stream)::int8 & 4294967295),
free AS (
    SELECT id FROM lake_touched WHERE day >= current_date - 7 OR stream NOT IN (SELECT stream FROM filling)
    ORDER BY stream, day FOR UPDATE SKIP LOCKED),
gone AS (DELETE FROM lake_touched USING free WHERE lake_touched.id = free.id RETURNING lake_touched.stream, lake_touched.day)
SELECT gone.stream, gone.day, (SELECT next_seq - 1 FROM lake_stream AS known WHERE known.stream = gone.stream) FROM gone
