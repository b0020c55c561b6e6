# SPDX-License-Identifier: Apache-2.0
"""A process that brings the test's stream to a changed declaration, to be killed at a step: run with the lake's environment."""

from __future__ import annotations

import dataclasses

import django

if __name__ == "__main__":
    django.setup()
    from django.conf import settings

    from chengyun.lake import database, prepare
    from chengyun.lake.tables import stream_tables

    [table] = stream_tables(settings.CITY)
    changed = dataclasses.replace(
        table, quantities=("level", "flow"), units=(("level", "mm"), ("flow", "m³/s")),
        was=(("level", ("depth",)),), factors=(("level", "m", 1000.0),),
    )  # fmt: skip
    with database.connect() as conn:
        prepare.prepare(conn, [changed])
