# SPDX-License-Identifier: Apache-2.0
"""A process that restores the test's stream to its first snapshot, or retires it, to be killed at a step."""

from __future__ import annotations

import datetime as dt
import sys

import django

if __name__ == "__main__":
    django.setup()
    from chengyun.lake import care, database, services
    from chengyun.lake.tables import stream_tables

    if sys.argv[1] == "restore":
        services.restore("gauges.level", services.snapshots("gauges.level")[0].id, "tester")
    else:
        from django.conf import settings

        [table] = stream_tables(settings.CITY)
        with database.connect() as conn:
            care.retire(conn, table, dt.datetime(2026, 2, 1, tzinfo=dt.UTC), "tester")
