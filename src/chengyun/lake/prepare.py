# SPDX-License-Identifier: Apache-2.0
"""Making the tables of streams, and bringing them along when a declaration changes."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from chengyun.errors import Misdeclared
from chengyun.lake import tables
from chengyun.lake.chunks import open_chunk
from chengyun.lake.database import columns
from chengyun.lake.evolve import evolve
from chengyun.lake.shape import Shape, plan
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


def _prepare_stream(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable) -> None:
    conn.execute(
        "INSERT INTO lake_stream (stream, next_seq, chunk) VALUES (%s, 1, 1) ON CONFLICT DO NOTHING",
        [table.qualified],
    )
    row = conn.execute("SELECT chunk FROM lake_stream WHERE stream = %s", [table.qualified]).fetchone()
    assert row is not None
    number = row[0]
    if not columns(conn, table.chunk(number)):
        open_chunk(conn, table, number, 1)
    if not columns(conn, table.latest):
        _ddl(conn, tables.create_latest(table))
    elif "runs" not in columns(conn, table.latest):
        _ddl(conn, tables.keep_runs(table))
    if _unwatched(conn, table.register):
        _ddl(conn, tables.watch_register(table))
    _follow(conn, table)
    missing = tables.additions(table, table.latest, columns(conn, table.latest))
    if not missing and not tables.additions(table, table.chunk(number), columns(conn, table.chunk(number))):
        return
    conn.execute("SELECT FROM lake_stream WHERE stream = %s FOR UPDATE", [table.qualified])
    chunks = [chunk for (chunk,) in conn.execute(
        "SELECT chunk FROM lake_chunk WHERE stream = %s AND dropped_at IS NULL ORDER BY chunk", [table.qualified]
    )]  # fmt: skip
    for relation in [table.latest, *map(table.chunk, chunks)]:
        if found := columns(conn, relation):
            for statement in tables.additions(table, relation, found):
                _ddl(conn, statement)


def _follow(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable) -> None:
    """Bring a stream's tables to a declaration whose fields have other keys or units, and write down their shape."""
    row = conn.execute("SELECT shape FROM lake_stream WHERE stream = %s", [table.qualified]).fetchone()
    shape = Shape.read(row[0]) if row and row[0] else _found_shape(conn, table)
    planned = plan(shape, table)
    if planned.faults:
        raise Misdeclared(planned.faults)
    if planned:
        conn.execute("SELECT FROM lake_stream WHERE stream = %s FOR UPDATE", [table.qualified])
        evolve(conn, table, planned)
    elif row is None or row[0] != planned.shape.written():
        conn.execute("UPDATE lake_stream SET shape = %s WHERE stream = %s", [Jsonb(planned.shape.written()), table.qualified])


def _found_shape(conn: psycopg.Connection[tuple[Any, ...]], table: StreamTable) -> Shape:
    """Return the shape of tables made before shapes were written down: the newest rows have every field, in its order."""
    found = columns(conn, table.latest)
    words = [name for name, kind in found.items() if kind == "text"]
    kinds = dict(Shape.of(table).words)
    return Shape(
        table.entity, table.time, dict.fromkeys(name for name, kind in found.items() if kind == "double precision"),
        {key: kinds.get(key, "code") for key in words},
    )  # fmt: skip


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
