# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from django.db import migrations

UNDO = """
CREATE FUNCTION boards_cases_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM boards_remember('case', told) FROM (
        SELECT array_agg(boards_standing_of(ROW(fresh.*)::cases_case)) AS told FROM fresh JOIN former USING (id)
        WHERE NOT (fresh.ended AND former.ended)
            AND (fresh.state, fresh.ended, fresh.title, fresh.owner_id, fresh.due_at, fresh.warn_at IS NULL, fresh.area_code)
            IS DISTINCT FROM
            (former.state, former.ended, former.title, former.owner_id, former.due_at, former.warn_at IS NULL, former.area_code)
    ) AS changed WHERE told IS NOT NULL;
    RETURN NULL;
END $$;
DROP TRIGGER boards_remember_updated ON cases_case;
CREATE TRIGGER boards_remember_updated AFTER UPDATE ON cases_case REFERENCING NEW TABLE AS fresh OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION boards_cases_updated();
CREATE OR REPLACE FUNCTION boards_standing_of(told cases_case) RETURNS boards_standing LANGUAGE sql STABLE AS $$
    SELECT told.id, told.type, told.area_code, CASE WHEN NOT told.ended THEN jsonb_build_object(
        'number', told.number, 'type', told.type, 'state', told.state, 'title', told.title,
        'owner', (SELECT name FROM access_organisation WHERE id = told.owner_id), 'opened_at', told.opened_at,
        'due_at', told.due_at, 'paused', told.warn_at IS NULL, 'simulated', told.simulated) END
$$;
DROP FUNCTION boards_case_changed, boards_case_row;
"""


class Migration(migrations.Migration):
    dependencies = [("web_boards", "0001_cases")]
    operations = [migrations.RunSQL(Path(__file__).with_name("memory_0002.sql").read_text(encoding="utf-8"), UNDO)]
