# SPDX-License-Identifier: Apache-2.0
"""Writing observations: everything an ingest transaction does to the lake, on the caller's connection and in its transaction.

The order is fixed, because the stream's row is the lock that makes seq order commit order:
lock_stream → append → keep_latest → touch → write_receipts → commit.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg import AsyncConnection, AsyncCursor

from chengyun.errors import Unavailable
from chengyun.lake import binary
from chengyun.lake.rows import Int32s, Rows
from chengyun.lake.tables import StreamTable, names, quote

Connection = AsyncConnection[Any]

LONGEST_RUN = 65_535
"""How far equal values in a row are counted."""


class Open(NamedTuple):
    """The open chunk of a locked stream and the first seq that is the caller's."""

    chunk: int
    next_seq: int


class LatestMove(NamedTuple):
    """The newest rows of entities as the statements' parameters."""

    entities: int
    sent: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What lake_receipt keeps of a request. seq_to is inclusive; below seq_from when nothing was accepted."""

    stream: str
    seq_from: int
    seq_to: int
    received_at: dt.datetime
    actor: str
    source: str
    idempotency_key: str | None
    response: bytes


async def lock_stream(conn: Connection, table: StreamTable, rows: int = 0) -> Open:
    """Make the caller the stream's one writer until its transaction ends, and reserve seqs for its rows.

    rows: how many seqs to reserve, from Open.next_seq on; 0 only locks (reserve with take_seqs). Reserved and
    unused seqs stay unused.
    Raises Unavailable when the stream's tables have not been made.
    """
    return await locked(await ask_for_lock(conn, table, rows), table)


async def ask_for_lock(conn: Connection, table: StreamTable, rows: int) -> AsyncCursor[Any]:
    """Do what lock_stream does, without reading the answer: for a pipeline, at whose end `locked` reads it."""
    return await conn.execute(
        "UPDATE lake_stream SET next_seq = next_seq + %s WHERE stream = %s RETURNING chunk, next_seq - %s",
        [rows, table.qualified, rows],
    )


async def locked(asked: AsyncCursor[Any], table: StreamTable) -> Open:
    """Return what ask_for_lock asked. Raises as lock_stream."""
    found = await asked.fetchone()
    if found is None:
        raise Unavailable(f"The tables of {table.qualified} have not been made. Run `chengyun migrate`.")
    return Open(*found)


async def take_seqs(conn: Connection, table: StreamTable, rows: int) -> int:
    """Reserve seqs in a stream that is locked already; return the first."""
    return (await lock_stream(conn, table, rows)).next_seq


async def append(conn: Connection, table: StreamTable, rows: Rows, seq_from: int, chunk: int | None = None) -> None:
    """Write rows to the open chunk, numbered from seq_from in their order.

    chunk: Open.chunk; None asks the database for it.
    """
    if not len(rows):
        return
    if chunk is None:
        chunk = (await lock_stream(conn, table)).chunk
    await copy_in(conn, table, chunk, binary.copy_rows(table, rows, seq_from))


async def copy_in(conn: Connection, table: StreamTable, chunk: int, body: bytes) -> None:
    """Write to an open chunk what binary.copy_rows made."""
    sql = f"COPY {table.chunk(chunk)} ({names(table.columns)}) FROM STDIN (FORMAT BINARY)"
    async with conn.cursor() as cursor, cursor.copy(sql) as copy:
        await copy.write(body)


async def keep_latest(
    conn: Connection,
    table: StreamTable,
    rows: Rows,
    seq_from: int,
    *,
    newest: npt.NDArray[np.intp] | None = None,
    runs: Int32s | None = None,
) -> int:
    """Bring the newest observation of every entity up to date; return how many entities moved.

    Never goes back in time; of two observations of one moment the later seq stays.
    seq_from: as given to append. newest: positions of the rows that may be the newest of their entity, one per entity;
    None: they are looked for. runs: how many equal values in a row each of them ends, quantities × newest; None: 1.
    """
    if newest is None:
        newest = _newest(rows)
    move = latest_move(table, rows, seq_from, newest=newest, runs=runs)
    moved = (await move_latest(conn, table, move)).rowcount if move.entities else 0
    return moved + await add_latest(conn, table, move, moved)


def latest_move(
    table: StreamTable, rows: Rows, seq_from: int, *, newest: npt.NDArray[np.intp], runs: Int32s | None = None
) -> LatestMove:
    """Return what move_latest and add_latest send; the parameters are those of keep_latest."""
    if runs is None:
        runs = np.ones((len(table.quantities), len(newest)), dtype=np.int32)
    arrays = binary.column_arrays(table, rows.take(newest), newest + seq_from)
    sent: dict[str, Any] = {f"column_{position}": array for position, array in enumerate(arrays)}
    sent |= {"count": len(newest), "runs": pack_runs(runs), "width": 2 * len(table.quantities)}
    return LatestMove(len(newest), sent)


async def move_latest(conn: Connection, table: StreamTable, move: LatestMove) -> AsyncCursor[Any]:
    """Move entities on that have a newest row; the cursor counts them. May stand in a pipeline, where it counts at its end."""
    return await conn.execute(_keep_latest_sql(table)[0], move.sent)


async def add_latest(conn: Connection, table: StreamTable, move: LatestMove, moved: int) -> int:
    """Add newest rows of entities that have none, where move_latest moved fewer than there are; return how many."""
    if moved >= move.entities:
        return 0
    return (await conn.execute(_keep_latest_sql(table)[1], move.sent)).rowcount


async def touch(conn: Connection, table: StreamTable, days: Sequence[dt.date]) -> None:
    """Note the local days that have new rows, with the newest seq of the stream, which the caller has locked."""
    if not days:
        return
    await conn.execute(
        """
        INSERT INTO lake_touched AS known (stream, day, seq)
        SELECT %s, day, (SELECT next_seq - 1 FROM lake_stream WHERE stream = %s)
        FROM unnest(%s::date[]) AS days (day) ORDER BY day
        ON CONFLICT (stream, day) DO UPDATE SET seq = excluded.seq
        """,
        [table.qualified, table.qualified, sorted(set(days))],
    )


async def write_receipts(conn: Connection, receipts: Sequence[Receipt]) -> None:
    """Keep the receipts of a transaction. A key that is there already raises psycopg's UniqueViolation."""
    if not receipts:
        return
    await conn.execute(
        """
        INSERT INTO lake_receipt (stream, seq_from, seq_to, received_at, actor, source, idempotency_key, response)
        SELECT * FROM unnest(
            %s::text[], %s::int8[], %s::int8[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bytea[])
        """,
        [
            [it.stream for it in receipts],
            [it.seq_from for it in receipts],
            [it.seq_to for it in receipts],
            [it.received_at for it in receipts],
            [it.actor for it in receipts],
            [it.source for it in receipts],
            [it.idempotency_key for it in receipts],
            [it.response for it in receipts],
        ],
    )


async def find_responses(conn: Connection, keys: Sequence[str]) -> dict[str, bytes]:
    """Return the answers already given to requests with these idempotency keys."""
    cursor = await conn.execute(
        "SELECT idempotency_key, response FROM lake_receipt WHERE idempotency_key = ANY(%s)", [list(keys)]
    )
    return {key: bytes(response) for key, response in await cursor.fetchall()}


def pack_runs(runs: Int32s) -> bytes:
    """Return the runs of rows as they are kept, one after the other: two bytes for each quantity, the lower first."""
    return np.minimum(runs, LONGEST_RUN).T.astype("<u2").tobytes()


def unpack_runs(kept: Sequence[bytes], quantities: int) -> Int32s:
    """Return runs, quantities × rows; 0 for a quantity declared after a row was kept."""
    width = 2 * quantities
    joined = b"".join(row.ljust(width, b"\0") for row in kept)
    return np.frombuffer(joined, dtype="<u2").reshape(len(kept), quantities).T.astype(np.int32)


def _newest(rows: Rows) -> npt.NDArray[np.intp]:
    """Return the position of the newest row of every entity; of equal times the last."""
    if not len(rows):
        return np.zeros(0, dtype=np.intp)
    order = np.lexsort((rows.time, rows.entity))  # stable: equal times keep their order of arrival
    sorted_entity = rows.entity[order]
    last = np.empty(len(rows), dtype=np.bool_)
    last[-1] = True
    np.not_equal(sorted_entity[1:], sorted_entity[:-1], out=last[:-1])
    return order[last]


@functools.cache
def _keep_latest_sql(table: StreamTable) -> tuple[str, str]:
    """Return the statement that moves entities on and the one that adds those not yet there.

    Updating first, because nearly every row is there and INSERT … ON CONFLICT would try to insert each. Subscripts
    instead of unnest, because unnest copies every value into a tuple store (3.5 against 5 µs a row, six quantities). The
    insert looks each entity up by its key; an anti-join would scan the whole table.
    """
    types = {"runs": "bytea"} | table.types

    def value(name: str) -> str:
        if name == "runs":
            return "substring(%(runs)s::bytea FROM (i - 1) * %(width)s::int4 + 1 FOR %(width)s::int4)"
        element = f"(%(column_{list(table.types).index(name)})s::{types[name]}[])[i]"
        # Numbers travel as NaN, which has a fixed width, and become NULL here.
        return f"nullif({element}, 'NaN')" if types[name] == "float8" else element

    setting = ", ".join(f"{quote(name)} = {value(name)}" for name in types if name != "entity_id")
    entity, time, seq = value("entity_id"), value("time"), value("seq")
    update = f"""
        UPDATE {table.latest} AS old SET {setting} FROM generate_series(1, %(count)s) AS i
        WHERE old.entity_id = {entity} AND {time} >= old.time AND ({time} > old.time OR {seq} > old.seq)
    """  # noqa: S608 - names derived from checked declarations
    insert = f"""
        INSERT INTO {table.latest} ({names(list(types))})
        SELECT {", ".join(map(value, types))} FROM generate_series(1, %(count)s) AS i
        WHERE (SELECT old.entity_id FROM {table.latest} AS old WHERE old.entity_id = {entity}) IS NULL
    """  # noqa: S608 - names derived from checked declarations
    return update, insert
