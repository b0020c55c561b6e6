# SPDX-License-Identifier: Apache-2.0
"""Making the tables of streams, and adding to them what a declaration has gained."""

from __future__ import annotations

from typing import Any

import psycopg

from chengyun.errors import Misdeclared
from chengyun.lake import tables
from chengyun.lake.tables import StreamTable

MIGRATION_LOCK = 0x6C616B65
"""Advisory lock ("lake") so that two starts do not make the same table at once."""


def prepare(conn: psycopg.Connection[tuple[Any, ...]], streams: list[StreamTable]) -> None:
    """Make what is missing for these streams, all or nothing.

    Raises Misdeclared with every difference that adding columns cannot mend.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        conn.execute(tables.CATALOGUE)
        conn.execute(tables.TELL_REGISTER)
        faults: list[str] = []
        for table in streams:
            try:
                _prepare_stream(conn, table)
            except Misdeclared as wrong:
                faults += wrong.faults
        if faults:
            raise Misdeclared(faults)


def open_chunk(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable, number: int, seq_from: int) -> None:
    """Make a chunk's table and enter it in the books as open."""
    _ddl(conn, tables.create_chunk(table, number))
    conn.execute(
        "INSERT INTO lake_chunk (stream, chunk, opened_at, seq_from) VALUES (%s, %s, now(), %s)",
        [table.qualified, number, seq_from],
    )


def _prepare_stream(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable) -> None:
    conn.execute(
        "INSERT INTO lake_stream (stream, next_seq, chunk) VALUES (%s, 1, 1) ON CONFLICT DO NOTHING",
        [table.qualified],
    )
    row = conn.execute("SELECT chunk FROM lake_stream WHERE stream = %s", [table.qualified]).fetchone()
    assert row is not None
    number = row[0]
    if not _found(conn, table.chunk(number)):
        open_chunk(conn, table, number, 1)
    if not _found(conn, table.latest):
        _ddl(conn, tables.create_latest(table))
    elif "runs" not in _found(conn, table.latest):
        _ddl(conn, tables.keep_runs(table))
    if _unwatched(conn, table.register):
        _ddl(conn, tables.watch_register(table))
    # The newest rows know every quantity ever declared, in the order they were declared; chunks come and go.
    missing = tables.additions(table, table.latest, _found(conn, table.latest))
    if not missing and not tables.additions(table, table.chunk(number), _found(conn, table.chunk(number))):
        return
    conn.execute("SELECT FROM lake_stream WHERE stream = %s FOR UPDATE", [table.qualified])
    chunks = [chunk for (chunk,) in conn.execute(
        "SELECT chunk FROM lake_chunk WHERE stream = %s AND dropped_at IS NULL ORDER BY chunk", [table.qualified]
    )]  # fmt: skip
    for relation in [table.latest, *map(table.chunk, chunks)]:
        if found := _found(conn, relation):
            for statement in tables.additions(table, relation, found):
                _ddl(conn, statement)


def _found(conn: psycopg.Connection[tuple[Any, ...]], relation: str) -> dict[str, str]:
    """Return column → type of a table, in the order they were added; empty when there is no such table."""
    sql = """
        SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
    """
    return {name: kind for name, kind in conn.execute(sql, [relation])}  # noqa: C416 - dict() does not type


def _unwatched(conn: psycopg.Connection[tuple[Any, ...]], register: str) -> bool:
    sql = """
        SELECT NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = register.oid AND tgname = %s)
        FROM pg_class AS register WHERE register.oid = to_regclass(%s)
    """
    row = conn.execute(sql, [tables.REGISTER_CHANNEL, register]).fetchone()
    return row is not None and bool(row[0])


def _ddl(conn: psycopg.Connection[tuple[Any, ...]], statement: str) -> None:
    # The text is derived from checked declarations (lower_snake keys in quotes), never from input.
    conn.execute(statement)
