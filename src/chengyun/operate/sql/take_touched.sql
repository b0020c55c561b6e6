-- SPDX-License-Identifier: Apache-2.0
-- Touched days, taken away, with the newest seq of their stream at that moment. One that an ingest transaction holds is left for
-- the next time: its rows are not committed yet.
WITH free AS (SELECT id FROM lake_touched ORDER BY stream, day FOR UPDATE SKIP LOCKED),
gone AS (DELETE FROM lake_touched USING free WHERE lake_touched.id = free.id RETURNING lake_touched.stream, lake_touched.day)
SELECT gone.stream, gone.day, (SELECT next_seq - 1 FROM lake_stream AS known WHERE known.stream = gone.stream) FROM gone
