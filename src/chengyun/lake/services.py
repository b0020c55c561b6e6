# SPDX-License-Identifier: Apache-2.0
"""What happens to the lake: making its tables, sealing, merging, dropping what is sealed."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings

from chengyun.errors import Unavailable
from chengyun.lake import care, database, hooks, iceberg, moving, upkeep
from chengyun.lake.merge import MOST_FILES, merge
from chengyun.lake.prepare import prepare
from chengyun.lake.seal import Connection, Outcome, at_rest, close_chunk, drop_sealed, only_sealer, seal_closed
from chengyun.lake.tables import StreamTable, stream_table, stream_tables

log = logging.getLogger(__name__)

CLOSE_AFTER = dt.timedelta(hours=1)
CLOSE_AT_ROWS = 1_000_000
"""An open chunk is closed when it is this old or this large: small enough to read in a moment, large enough for good files."""
KEEP_FILES = dt.timedelta(days=3)
"""How long a snapshot, and the files it alone refers to, stays: for readers that began before, and to be restored."""
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
    with database.connect() as conn, only_sealer(conn, table), _told(conn, table):
        table = at_rest(conn, table)
        if close:
            # What an earlier attempt closed goes first, so that chunks are sealed in order of seq.
            close_chunk(conn, table)
        outcome = seal_closed(conn, table)
        merged = merge(table, most_files) if outcome.chunks else 0
        drop_sealed(conn, table, keep_sealed)
    if outcome.rows:
        import pyarrow as pa  # loaded by sealing already; here to give its memory back, since `jobs` lives on

        pa.default_memory_pool().release_unused()
        for tell in hooks.after_seal:
            tell(stream, outcome.rows)
    return Outcome(
        stream, outcome.chunks, outcome.rows, outcome.duplicates, outcome.corrected, outcome.bytes, merged
    )  # fmt: skip


@contextmanager
def _told(conn: Connection, table: StreamTable) -> Iterator[None]:
    """Let the books say why sealing does not come about, while it does not: the rows stay hot."""
    note = "UPDATE lake_stream SET sealing_fault = %s WHERE stream = %s AND sealing_fault IS DISTINCT FROM %s"
    try:
        yield
    except Unavailable as away:
        conn.execute(note, [away.sentence, table.qualified, away.sentence])
        raise
    conn.execute(note, [None, table.qualified, None])


@contextmanager
def sealed_for_history(stream: str, wait_s: float) -> Iterator[Callable[[], int]]:
    """Be the stream's only sealer, with everything sealed that was hot; yield what merges its small files.

    wait_s: how long to wait for another sealer. Raises NotFound for an unknown stream, Unavailable when it goes on too long.
    """
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, _patient_sealer(conn, table, wait_s):
        table = at_rest(conn, table)
        close_chunk(conn, table)
        seal_closed(conn, table)
        iceberg.open_table(table)
        yield lambda: merge(table)
        drop_sealed(conn, table, KEEP_SEALED)


@contextmanager
def told_of_history(stream: str) -> Iterator[None]:
    """Let it be known that years of a stream's history are coming in: who computes figures of the long past waits for the end.

    Told by an advisory lock, so it ends with this process, however that ends (operate/sql/take_touched.sql asks).
    """
    with database.connect() as conn:
        conn.execute("SELECT pg_advisory_lock(hashtext('lake.history'), hashtext(%s))", [stream])
        try:
            yield
        finally:
            conn.execute("SELECT pg_advisory_unlock(hashtext('lake.history'), hashtext(%s))", [stream])


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
    """Seal what is due. A chunk that is neither old nor large stays open; a stream that cannot be sealed now waits."""
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
        try:
            outcomes.append(seal(stream, close=bool(row and row[0])))
        except Unavailable:
            continue  # the books say why, or somebody seals by hand; the next round sees what is left
        except Exception:
            log.exception("%s could not be sealed; the streams behind it are", stream)
    return outcomes


def check(*, contents: bool = False) -> list[upkeep.Findings]:
    """Compare the books of every stream with its sealed table and its files.

    contents: read every file and compare what is in it with the digest in its name.
    """
    with database.connect() as conn:
        return [upkeep.examine(conn, table, contents) for table in stream_tables(settings.CITY)]


def compact(stream: str) -> int:
    """Merge the small files of every month; return how many went. Raises NotFound, Unavailable as seal does."""
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, only_sealer(conn, table):
        return merge(at_rest(conn, table), 1)


def snapshots(stream: str) -> list[care.SnapshotView]:
    """Return the snapshots a stream's sealed table can be restored to, oldest first."""
    return care.snapshots(stream_table(settings.CITY, stream))


def restore(stream: str, snapshot: int, actor: str) -> care.Kept:
    """Bring a stream's sealed table back to an earlier snapshot, as a new one. What is hot stays.

    Raises NotFound for an unknown stream or snapshot, Unavailable when another process is sealing it.
    """
    table = stream_table(settings.CITY, stream)
    with database.connect() as conn, only_sealer(conn, table):
        care.settle(conn, table)
        return care.restore(conn, table, snapshot, actor)


def retire(now: dt.datetime, actor: str) -> list[care.Kept]:
    """Take out the months that are older than their stream is kept."""
    done = []
    for table in stream_tables(settings.CITY):
        if (keep := settings.CITY.streams[table.qualified].keep) is not None:
            with database.connect() as conn, only_sealer(conn, table):
                done.append(care.retire(conn, table, now - keep, actor))
    return [one for one in done if one.snapshot is not None]


def move(now: dt.datetime, actor: str) -> list[care.Kept]:
    """Move sealed files to where they are to lie: the archive for months that are old enough, home for the rest."""
    done = []
    for table in stream_tables(settings.CITY):
        after = settings.CITY.streams[table.qualified].archive_after
        with database.connect() as conn, only_sealer(conn, table):
            done.append(moving.move(conn, table, None if after is None else now - after, actor))
    return [one for one in done if one.snapshot is not None]


def repair(now: dt.datetime) -> list[str]:
    """Finish what a process left undone, and remove what it left behind; return what was done, a sentence each."""
    told = []
    for table in stream_tables(settings.CITY):
        with database.connect() as conn, only_sealer(conn, table):
            sealed = seal_closed(conn, at_rest(conn, table))
            if sealed.chunks:
                told.append(f"{table.qualified}: {sealed.chunks} chunks that were closed are sealed.")
            if care.settle(conn, table):
                told.append(f"{table.qualified}: the newest rows follow the restored snapshot.")
            mended, left = upkeep.mend(table)
            if mended:
                told.append(f"{table.qualified}: {mended} files are put back from copies on this machine.")
            if left:
                told.append(f"{table.qualified}: {left} files are missing or damaged still; bring them back from a backup.")
            if gone := upkeep.sweep(table, KEEP_FILES, now):
                told.append(f"{table.qualified}: {gone} files that nothing refers to are removed.")
    return told


def sweep(now: dt.datetime, older_than: dt.timedelta = KEEP_FILES) -> int:
    """Remove files that no reader can need any more; return how many."""
    gone = 0
    for table in stream_tables(settings.CITY):
        with database.connect() as conn, only_sealer(conn, table):
            gone += upkeep.sweep(table, older_than, now)
    return gone
