-- SPDX-License-Identifier: Apache-2.0
-- The last id given to a figure; the evaluator is the only one who takes ids, and asks while it holds its lock.
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM operate_figure_id_seq
