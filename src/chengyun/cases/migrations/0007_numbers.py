# SPDX-License-Identifier: Apache-2.0
from django.db import migrations

# A sequence for each year, made with the year's first case: nobody waits for the number of somebody else's opening.
NUMBERS = """
CREATE FUNCTION cases_next_number(year int) RETURNS bigint LANGUAGE plpgsql AS $next$
DECLARE
    name text := 'cases_number_' || year;
BEGIN
    IF to_regclass(name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(name, 0));
        BEGIN
            EXECUTE format('CREATE SEQUENCE %I', name);
        EXCEPTION WHEN duplicate_table OR unique_violation THEN
            NULL;  -- another one made it while we waited; the catalogue as this session knew it did not say so
        END;
    END IF;
    RETURN nextval(name::regclass);
END $next$;

DO $known$
DECLARE
    known record;
BEGIN
    FOR known IN SELECT year, last FROM cases_casenumber WHERE last > 0 LOOP
        EXECUTE format('CREATE SEQUENCE %I START %s', 'cases_number_' || known.year, known.last + 1);
    END LOOP;
END $known$;
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0006_in_time")]
    operations = [
        migrations.RunSQL(NUMBERS, migrations.RunSQL.noop),
        migrations.DeleteModel("CaseNumber"),
    ]
