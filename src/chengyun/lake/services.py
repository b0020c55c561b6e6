# SPDX-License-Identifier: Apache-2.0
"""What happens to the lake: making its tables, sealing, merging, dropping what is sealed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from chengyun.errors import Unavailable
from chengyun.lake import database, iceberg, upkeep
from chengyun.lake.merge import MOST_FILES, merge
from chengyun.lake.prepare import prepare
from chengyun.lake.seal import Connection, Outcome, close_chunk, drop_sealed, only_sealer, seal_closed
from chengyun.lake.tables import StreamTable, stream_table, stream_tables

CLOSE_AFTER = dt.timedelta(hours=1)
CLOSE_AT_ROWS = 1_000_000
"""An open chunk is closed when it is this old or this large: small enough to read in a moment, large enough for good files."""
KEEP_FILES = dt.timedelta(hours=1)
"""How long a file that was replaced stays for readers that began before."""
KEEP_SEALED = dt.timedelta(minutes=10)
"""How long a sealed chunk stays for readers that began before: longer than any read takes; a later one retries."""


def ensure_tables() -> None:
    """Make the tables of every stream the city's packs declare, and add what a declaration has gained.

    Quick when nothing is new. Raises Misdeclared when a declaration changed in a way that adding columns cannot mend.
    """
    with database.connect() as conn:
        prepare(conn, stream_tables(settings.CITY))


def seal(
    stream: str, *, close: bool = True, keep_sealed: dt.timedelta = KEEP_SEALED, most_files: int = MOST_FILES
) -> Outcome:  # fmt: skip
    """Seal a stream's rows, merge its small files, drop chunks sealed a while ago.

    close: also close the open chunk; False seals only what was closed before, as after a crash.
    Raises NotFound for an unknown stream, Unavailable when another process is sealing it.
    """
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, only_sealer(conn, table):
        if close:
            # What an earlier attempt closed goes first, so that chunks are sealed in order of seq.
            close_chunk(conn, table)
        outcome = seal_closed(conn, table)
        merged = merge(table, most_files) if outcome.chunks else 0
        drop_sealed(conn, table, keep_sealed)
    if outcome.rows:
        import pyarrow as pa  # loaded by sealing already; here to give its memory back, since `jobs` lives on

        pa.default_memory_pool().release_unused()
    return Outcome(
        stream, outcome.chunks, outcome.rows, outcome.duplicates, outcome.corrected, outcome.bytes, merged
    )  # fmt: skip


@contextmanager
def sealed_for_history(stream: str, wait_s: float) -> Iterator[Callable[[], int]]:
    """Be the stream's only sealer, with everything sealed that was hot; yield what merges its small files.

    wait_s: how long to wait for another sealer. Raises NotFound for an unknown stream, Unavailable when it goes on too long.
    """
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, _patient_sealer(conn, table, wait_s):
        close_chunk(conn, table)
        seal_closed(conn, table)
        iceberg.open_table(table)
        yield lambda: merge(table)
        drop_sealed(conn, table, KEEP_SEALED)


@contextmanager
def _patient_sealer(conn: Connection, table: StreamTable, wait_s: float) -> Iterator[None]:
    until = time.monotonic() + wait_s
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(only_sealer(conn, table))
                break
            except Unavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
        yield


def due(now: dt.datetime) -> list[str]:
    """Return the streams whose open chunk is old or large enough, or that have chunks left over, as after a crash."""
    with database.connect() as conn:
        found = conn.execute(
            """
            SELECT DISTINCT stream.stream FROM lake_stream AS stream JOIN lake_chunk AS chunk USING (stream)
            WHERE chunk.sealed_at IS NULL AND stream.next_seq > chunk.seq_from
                AND (chunk.closed_at IS NOT NULL OR chunk.opened_at <= %s OR stream.next_seq - chunk.seq_from >= %s)
            UNION SELECT stream FROM lake_chunk WHERE sealed_at <= %s AND dropped_at IS NULL
            ORDER BY 1
            """,
            [now - CLOSE_AFTER, CLOSE_AT_ROWS, now - KEEP_SEALED],
        ).fetchall()
    return [stream for (stream,) in found if stream in settings.CITY.streams]


def seal_due(now: dt.datetime) -> list[Outcome]:
    """Seal what is due. A chunk that is neither old nor large stays open."""
    outcomes = []
    for stream in due(now):
        with database.connect() as conn:
            row = conn.execute(
                """
                SELECT chunk.opened_at <= %s OR stream.next_seq - chunk.seq_from >= %s
                FROM lake_stream AS stream JOIN lake_chunk AS chunk ON (chunk.stream, chunk.chunk) = (stream.stream, stream.chunk)
                WHERE stream.stream = %s
                """,
                [now - CLOSE_AFTER, CLOSE_AT_ROWS, stream],
            ).fetchone()
        outcomes.append(seal(stream, close=bool(row and row[0])))
    return outcomes


def check() -> list[upkeep.Findings]:
    """Compare the books of every stream with its sealed table and its files."""
    with database.connect() as conn:
        return [upkeep.examine(conn, table) for table in stream_tables(settings.CITY)]


def sweep(now: dt.datetime, older_than: dt.timedelta = KEEP_FILES) -> int:
    """Remove files that no reader can need any more; return how many."""
    gone = 0
    for table in stream_tables(settings.CITY):
        with database.connect() as conn, only_sealer(conn, table):
            gone += upkeep.sweep(table, older_than, now)
    return gone
