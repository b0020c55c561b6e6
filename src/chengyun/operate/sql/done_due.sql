-- SPDX-License-Identifier: Apache-2.0
-- Windows computed: taken away unless they were touched again since.
DELETE FROM operate_duewindow AS due USING unnest(%s::text[], %s::date[], %s::int8[]) AS one (indicator, start, mark)
WHERE due.indicator = one.indicator AND due.start = one.start AND due.mark = one.mark
