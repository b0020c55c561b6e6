# SPDX-License-Identifier: Apache-2.0
"""Whoever changes what the stream process knows of devices, by form, command or hand in psql, it hears of it."""

from django.db import migrations

TABLES = {
    "device": "INSERT OR UPDATE OR DELETE",
    "binding": "INSERT OR UPDATE OR DELETE",
    "channel": "INSERT OR UPDATE OR DELETE",
    "quarantine": "INSERT OR UPDATE OR DELETE",
    "calibration": "INSERT OR UPDATE OR DELETE",
    "command": "INSERT",
}
MAKE = """
CREATE OR REPLACE FUNCTION things_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('chengyun_things', TG_TABLE_NAME); RETURN NULL; END $$;
""" + "".join(
    f"CREATE TRIGGER tell AFTER {deeds} ON things_{name} FOR EACH STATEMENT EXECUTE FUNCTION things_tell();\n"
    for name, deeds in TABLES.items()
)
UNMAKE = "".join(f"DROP TRIGGER tell ON things_{name};\n" for name in TABLES) + "DROP FUNCTION things_tell();"


class Migration(migrations.Migration):
    dependencies = [("things", "0001_devices")]
    operations = [migrations.RunSQL(MAKE, UNMAKE)]
