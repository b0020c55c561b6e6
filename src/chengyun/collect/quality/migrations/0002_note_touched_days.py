# SPDX-License-Identifier: Apache-2.0
"""A day of a stream that has new rows is due here too: operate takes its notes from lake_touched away when it has read them."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION quality_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quality_dueday (stream, day) VALUES (NEW.stream, NEW.day)
    ON CONFLICT (stream, day) DO UPDATE SET mark = quality_dueday.mark + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER quality_note AFTER INSERT OR UPDATE ON lake_touched FOR EACH ROW EXECUTE FUNCTION quality_note();
INSERT INTO quality_dueday (stream, day) SELECT stream, day FROM lake_touched ON CONFLICT DO NOTHING;
"""
BACK = "DROP TRIGGER quality_note ON lake_touched; DROP FUNCTION quality_note();"


class Migration(migrations.Migration):
    dependencies = [("quality", "0001_scores"), ("lake", "0001_books")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
