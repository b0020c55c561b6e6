-- SPDX-License-Identifier: Apache-2.0
-- Windows computed: taken away unless they were touched again since.
DELETE FROM operate_duewindow AS due USING unnest(%s::date[], %s::int8[]) AS one (start, mark)
WHERE due.indicator = %s AND due.start = one.start AND due.mark = one.mark
