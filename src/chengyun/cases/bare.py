# SPDX-License-Identifier: Apache-2.0
"""Filling tables with millions of made-up rows, for measurements: nothing is checked, noted or told, and indexes come last.

Of an installation of its own only. What triggers would have kept is not there afterwards: no words to look for (cases_words),
no memory of boards, no notes for statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from chengyun.errors import Refused

__all__ = ["bare"]

INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = %s
AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)
"""
CHECKED = "SET session_replication_role = origin; RESET maintenance_work_mem"
UNCHECKED = "SET session_replication_role = replica; SET maintenance_work_mem = '512MB'"


@contextmanager
def bare(*tables: str) -> Iterator[None]:
    """Hold tables without their indexes, but for keys, and this connection without triggers and references.

    Raises Refused where the user of the database may not do without them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            raise Refused("Filling tables without their triggers needs a superuser of the database; use an embedded one.")
        dropped = [(table, one) for table in tables for one in _indexes(table)]
        for _table, (name, _made) in dropped:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute(UNCHECKED)
        try:
            yield
        finally:
            for _table, (_name, made) in dropped:
                cursor.execute(made)
            cursor.execute(CHECKED)
        for table in tables:
            cursor.execute(f"VACUUM ANALYZE {table}")


def _indexes(table: str) -> Sequence[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [table, table])
        return [(str(name), str(made)) for name, made in cursor.fetchall()]
