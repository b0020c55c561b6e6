-- SPDX-License-Identifier: Apache-2.0
-- Windows made due. One that waits already gets a new mark and may be tried at once; the last column says whether it is new.
INSERT INTO operate_duewindow AS known (indicator, start, mark)
SELECT indicator, start, nextval(pg_get_serial_sequence('operate_duewindow', 'id'))
FROM unnest(%s::text[], %s::date[]) AS wanted (indicator, start) ORDER BY indicator, start
ON CONFLICT (indicator, start) DO UPDATE SET mark = excluded.mark, not_before = NULL
RETURNING known.indicator, known.start, known.xmax = 0
