# SPDX-License-Identifier: Apache-2.0
"""Up to which version a table's history is complete: every number up to it is committed, or never will be.

Numbers are drawn from a sequence before their transaction commits, so the highest one seen says nothing: a lower one may still
be under way, and a reader who has passed it would never see it. Each writer therefore holds, until its transaction ends, a
shared advisory lock that names the number the sequence stood at before it drew its first; the horizon is the lowest of those.
Nobody waits for anybody. The order of the three readings below is what makes it right: see docs/decisions/0253.
"""

from __future__ import annotations

from django.db import connection
from psycopg import sql

__all__ = ["ensure", "horizon"]

SPACE = 0x45584348
"""Of the advisory locks: the first of their two numbers is this, mixed with the table's."""
STEP = 1024
"""A lock's second number has 32 bits: it names the sequence's number in steps of so many."""

_FUNCTION = """
CREATE OR REPLACE FUNCTION exchange_under_way() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    low bigint;
BEGIN
    EXECUTE format('SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM %%s', TG_ARGV[0]) INTO low;
    PERFORM pg_advisory_xact_lock_shared(%(space)s # hashtext(TG_ARGV[0]), (low / %(step)s)::int);
    RETURN NULL;
END
$$
"""
_TRIGGER = sql.SQL("""
CREATE OR REPLACE TRIGGER exchange_under_way BEFORE INSERT OR UPDATE OR DELETE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION exchange_under_way({sequence})
""")
_DRAWN = sql.SQL("SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {sequence}")
_LOWEST = """
SELECT min(objid::bigint) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = ((%s # hashtext(%s))::bigint & 4294967295)::oid
"""


def ensure(table: str, history: str, column: str) -> str:
    """Make the writers of a table tell; return the name of the sequence that numbers its history. Idempotent.

    history: the table that keeps versions, numbered by `column`; it may be the table itself.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [_quoted(history), column])
        (sequence,) = cursor.fetchone()
        cursor.execute(
            "SELECT 1 FROM pg_trigger WHERE tgname = 'exchange_under_way' AND tgrelid = %s::regclass", [_quoted(table)]
        )
        if cursor.fetchone() is None:
            cursor.execute(_FUNCTION % {"space": SPACE, "step": STEP})
            cursor.execute(_TRIGGER.format(table=sql.Identifier(table), sequence=sql.Literal(sequence)))
    return str(sequence)


def horizon(sequence: str) -> int:
    """Return the highest number up to which a history is complete."""
    schema, _, name = sequence.replace('"', "").partition(".")
    with connection.cursor() as cursor:
        cursor.execute(_DRAWN.format(sequence=sql.Identifier(schema, name)))
        (drawn,) = cursor.fetchone()
        cursor.execute(_LOWEST, [SPACE, sequence])
        (lowest,) = cursor.fetchone()
    return int(drawn) if lowest is None else min(int(drawn), int(lowest) * STEP)


def _quoted(table: str) -> str:
    return f'"{table}"'
