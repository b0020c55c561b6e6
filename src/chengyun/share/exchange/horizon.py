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

__all__ = ["ensure", "horizon", "renew", "sequence_of"]

SPACE = 0x45584348
"""Of the advisory locks: the first of their two numbers is this, mixed with the table's."""
WRAP = 1 << 32
"""A lock's second number has 32 bits: it names the last ones of the sequence's number, which is near the newest."""

_FUNCTION = """
CREATE OR REPLACE FUNCTION exchange_under_way() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Null of a sequence nothing was drawn from: its first number is one. Planned once, where its name in a statement never is.
    low bigint := coalesce(pg_sequence_last_value(TG_ARGV[0]::regclass), 0);
BEGIN
    PERFORM pg_advisory_xact_lock_shared(%(space)s # hashtext(TG_ARGV[0]), low::bit(32)::int);
    RETURN NULL;
END
$$
"""
_TRIGGER = sql.SQL("""
CREATE OR REPLACE TRIGGER exchange_under_way BEFORE INSERT OR UPDATE OR DELETE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION exchange_under_way({sequence})
""")
_TELLS = "SELECT 1 FROM pg_trigger WHERE tgname = 'exchange_under_way' AND tgrelid = %s::regclass"
_DRAWN = sql.SQL("SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {sequence}")
_UNDER_WAY = """
SELECT DISTINCT objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND pid <> pg_backend_pid() AND classid = ((%s # hashtext(%s))::bigint & 4294967295)::oid
"""


def renew() -> None:
    """Give the triggers that are there the function they now call. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTION % {"space": SPACE})


def ensure(table: str, sequence: str) -> bool:
    """Make the writers of a table tell which number of a sequence they began at; return whether that is new. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(_TELLS, [_quoted(table)])
        if cursor.fetchone() is not None:
            return False
        cursor.execute(_FUNCTION % {"space": SPACE})
        cursor.execute(_TRIGGER.format(table=sql.Identifier(table), sequence=sql.Literal(sequence)))
    return True


def sequence_of(history: str, column: str) -> str:
    """Return the name of the sequence that numbers a history."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [_quoted(history), column])
        return str(cursor.fetchone()[0])


def horizon(sequence: str, known: int = 0) -> int:
    """Return the highest number up to which a history is complete; what this very transaction wrote counts as written.

    known: a horizon that was given before; it stays one, though a writer who began before it may name a lower number.
    """
    schema, _, name = sequence.replace('"', "").partition(".")
    with connection.cursor() as cursor:
        cursor.execute(_DRAWN.format(sequence=sql.Identifier(schema, name)))
        drawn = int(cursor.fetchone()[0])
        cursor.execute(_UNDER_WAY, [SPACE, sequence])
        lowest = min((drawn - (drawn - int(low)) % WRAP for (low,) in cursor.fetchall()), default=drawn)
    return max(lowest, known if known <= drawn else 0)


def _quoted(table: str) -> str:
    return f'"{table}"'
