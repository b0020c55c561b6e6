-- SPDX-License-Identifier: Apache-2.0
-- Touched days, taken away. One that an ingest transaction holds is left for the next time: its rows are not committed yet.
WITH free AS (SELECT id FROM lake_touched ORDER BY stream, day FOR UPDATE SKIP LOCKED)
DELETE FROM lake_touched USING free WHERE lake_touched.id = free.id RETURNING stream, day
