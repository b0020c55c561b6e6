# SPDX-License-Identifier: Apache-2.0
"""A process that moves the test's old months to the archive, to be killed at a step: run with the lake's environment."""

from __future__ import annotations

import datetime as dt

import django

if __name__ == "__main__":
    django.setup()
    from django.conf import settings

    from chengyun.lake import database, moving
    from chengyun.lake.tables import stream_tables

    [table] = stream_tables(settings.CITY)
    with database.connect() as conn:
        moving.move(conn, table, dt.datetime(2026, 2, 1, tzinfo=dt.UTC), "tester")
