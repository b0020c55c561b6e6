# SPDX-License-Identifier: Apache-2.0
"""Numbers people can say: a letter, the year, and which one of the year."""

from __future__ import annotations

from django.db import connection, models
from psycopg import sql

__all__ = ["next_number"]

NEXT = """
SELECT to_char(now(), 'YYYY'), coalesce(max(substring(number FROM 6)::int), 0) + 1
FROM {table} WHERE number ~ ({letter} || to_char(now(), 'YYYY') || '[0-9]+$')
"""


def next_number(letter: str, model: type[models.Model]) -> str:
    """Return the year's next number, e.g. `R20260001`; nobody else gets one until the transaction ends."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{table}.number"])
        cursor.execute(sql.SQL(NEXT).format(table=sql.Identifier(table), letter=sql.Literal(f"^{letter}")))
        year, number = cursor.fetchone()
    return f"{letter}{year}{number:04}"
