-- SPDX-License-Identifier: Apache-2.0
-- Figures replaced or gone: until_id is an id of its own, above every figure a reader could have seen and below what follows.
WITH given AS MATERIALIZED (SELECT nextval('operate_figure_id_seq') AS until_id)
UPDATE operate_figure SET superseded_at = %s, until_id = given.until_id FROM given WHERE id = ANY(%s) AND superseded_at IS NULL
