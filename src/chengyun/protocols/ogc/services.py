# SPDX-License-Identifier: Apache-2.0
"""What the layers need of the database: an index of places, and a word whenever something a layer shows has changed."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from chengyun.city import City
from chengyun.lake.tables import register_table
from chengyun.protocols.ogc.watch import CHANNEL

TELL = f"""
CREATE OR REPLACE FUNCTION lake.tell_layer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('{CHANNEL}', TG_TABLE_NAME); RETURN NULL; END $$
"""
KERNEL = ("areas_area", "operate_alert", "cases_case")


def ensure_layers() -> None:
    """Make the index and the trigger of every table that is a layer, where they are missing."""
    city: City = settings.CITY
    registers = [register_table(city, name) for name in city.entities]
    placed = [*registers, "cases_case"]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TELL)
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s", [CHANNEL])
        told = {row[0] for row in cursor.fetchall()}
        for table in (*KERNEL, *registers):
            if table not in told:
                # Registers change by the thousand at once; ingest touches alerts in every batch, mostly none of them.
                each = "ROW" if table in KERNEL else "STATEMENT"
                cursor.execute(
                    f"CREATE TRIGGER {CHANNEL} AFTER INSERT OR UPDATE OR DELETE ON {table} "
                    f"FOR EACH {each} EXECUTE FUNCTION lake.tell_layer()"
                )
        for table in placed:
            # The columns included let a box be counted, and a page of it be chosen, without a look at the rows.
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_place ON {table} USING gist (point(lon, lat)) INCLUDE (id, lon, lat)"
            )
