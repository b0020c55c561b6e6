# SPDX-License-Identifier: Apache-2.0
"""Sealing: moving a stream's rows from hot tables into its Iceberg table.

    close chunk → for each slice of seqs: read → versions → files by month → ONE Iceberg commit → mark → (later) drop

A commit adds the slice's rows, replaces the files of rows it corrects (their until_seq is set), and moves the snapshot's
sealed-seq. A crash before the commit leaves files nobody refers to, which the next attempt overwrites; after it, only
bookkeeping, which the next attempt does. The stream's advisory lock keeps a second sealer away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from chengyun.errors import Unavailable
from chengyun.lake import database, engine, faults, hooks, iceberg, parquet, places, tables
from chengyun.lake.books import look
from chengyun.lake.chunks import open_chunk
from chengyun.lake.iceberg import Sealed, SealedFile
from chengyun.lake.parquet import Stored
from chengyun.lake.places import location_of
from chengyun.lake.shape import shaped
from chengyun.lake.tables import StreamTable, names, quote
from chengyun.lake.versions import versions

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyiceberg.table import Table

SLICE = 4_000_000
"""How many seqs one commit seals: bounds memory; a chunk of a history load can hold many times as many."""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sealing one stream did."""

    stream: str
    chunks: int = 0
    rows: int = 0
    duplicates: int = 0
    corrected: int = 0
    bytes: int = 0
    merged: int = 0


def at_rest(conn: Connection, table: StreamTable) -> StreamTable:
    """Return a stream's tables with the columns that changes of its declaration have left behind."""
    row = conn.execute("SELECT shape FROM lake_stream WHERE stream = %s", [table.qualified]).fetchone()
    return shaped(table, row[0] if row else None)


@contextmanager
def only_sealer(conn: Connection, table: StreamTable) -> Iterator[None]:
    """Be the one process that changes a stream's sealed table. Raises Unavailable when another is."""
    row = conn.execute("SELECT pg_try_advisory_lock(hashtext('lake.seal'), hashtext(%s))", [table.qualified]).fetchone()
    if not row or not row[0]:
        raise Unavailable(f"{table.qualified} is being sealed by another process. Try again when it has finished.")
    try:
        yield
    finally:
        conn.execute("SELECT pg_advisory_unlock(hashtext('lake.seal'), hashtext(%s))", [table.qualified])


def close_chunk(conn: Connection, table: StreamTable) -> bool:
    """Close the open chunk and open the next; return False when it is empty and stays open.

    Waits for the transaction that is writing to the stream, and the next one waits for this: milliseconds.
    """
    with conn.transaction():
        row = conn.execute("SELECT chunk, next_seq FROM lake_stream WHERE stream = %s FOR UPDATE", [table.qualified]).fetchone()
        if row is None:
            raise Unavailable(f"The tables of {table.qualified} have not been made. Run `chengyun migrate`.")
        chunk, next_seq = row
        filled = _one(conn, f"SELECT EXISTS (SELECT FROM {table.chunk(chunk)})")  # noqa: S608
        if not filled:
            return False
        open_chunk(conn, table, chunk + 1, next_seq)
        conn.execute("UPDATE lake_stream SET chunk = %s WHERE stream = %s", [chunk + 1, table.qualified])
        conn.execute(
            "UPDATE lake_chunk SET closed_at = now(), seq_to = %s WHERE stream = %s AND chunk = %s",
            [next_seq - 1, table.qualified, chunk],
        )
    faults.step("closed")
    return True


def seal_closed(conn: Connection, table: StreamTable) -> Outcome:
    """Seal every closed chunk, oldest first. The caller is the only sealer."""
    chunks = conn.execute(
        "SELECT chunk, seq_from, seq_to FROM lake_chunk "
        "WHERE stream = %s AND closed_at IS NOT NULL AND sealed_at IS NULL ORDER BY chunk",
        [table.qualified],
    ).fetchall()
    if not chunks:
        return Outcome(table.qualified)
    home = iceberg.open_table(table)
    total = Outcome(table.qualified)
    for chunk, seq_from, seq_to in chunks:
        sealed = iceberg.sealed_of(home)
        written = size = corrected = 0
        start = max(seq_from - 1, sealed.seq)
        while start < seq_to:
            end = min(start + SLICE, seq_to)
            done = _seal_slice(home, table, sealed, chunk, start, end)
            written, size, corrected = written + done.rows, size + done.bytes, corrected + done.corrected
            sealed = iceberg.sealed_of(home)
            start = end
        rows, duplicates = _mark(conn, home, table, chunk, seq_from, seq_to, sealed)
        total = Outcome(
            table.qualified, total.chunks + 1, total.rows + rows, total.duplicates + duplicates,
            total.corrected + corrected, total.bytes + size,
        )  # fmt: skip
    return total


def drop_sealed(conn: Connection, table: StreamTable, older_than: dt.timedelta) -> int:
    """Drop chunks sealed longer ago than this; return how many. One that a reader holds or needs is left for the next time."""
    needed = [seq for ask in hooks.needed_after if (seq := ask(conn, table.qualified)) is not None]
    chunks = conn.execute(
        "SELECT chunk FROM lake_chunk WHERE stream = %s AND sealed_at <= now() - %s::interval AND dropped_at IS NULL "
        "AND (%s::int8 IS NULL OR seq_to <= %s) ORDER BY chunk",
        [table.qualified, older_than, *([min(needed)] * 2 if needed else [None] * 2)],
    ).fetchall()
    dropped = 0
    for (chunk,) in chunks:
        try:
            with conn.transaction():
                conn.execute("SET LOCAL lock_timeout = '500ms'")
                conn.execute(f"DROP TABLE IF EXISTS {table.chunk(chunk)}")
                conn.execute(
                    "UPDATE lake_chunk SET dropped_at = now() WHERE stream = %s AND chunk = %s", [table.qualified, chunk]
                )
        except psycopg.errors.LockNotAvailable:
            continue
        dropped += 1
        faults.step("dropped")
    return dropped


def commit(home: Table, remove: list[SealedFile], add: list[Stored], summary: dict[str, str]) -> None:
    """Publish one snapshot of a sealed table: these files out, those in, and what the summary says."""
    from pyiceberg.io.pyarrow import parquet_file_to_data_file

    faults.step("files-written")
    with home.transaction() as transaction:
        added = [parquet_file_to_data_file(home.io, transaction.table_metadata, location_of(one.path)) for one in add]
        with transaction.update_snapshot(snapshot_properties=summary).overwrite() as snapshot:
            for file in remove:
                snapshot.delete_data_file(file.data_file)
            for data_file in added:
                snapshot.append_data_file(data_file)
    faults.step("committed")


@dataclass(frozen=True, slots=True)
class Written:
    """Files written and not yet published. rows: that arrived; duplicates: of them, left out; size: bytes of those added."""

    remove: list[SealedFile]
    add: list[Stored]
    rows: int
    duplicates: int
    corrected: int
    size: int


def _seal_slice(
    home: Table, table: StreamTable, sealed: Sealed, chunk: int, start: int, end: int
) -> Outcome:  # fmt: skip
    """Seal the rows of a chunk with start < seq ≤ end."""
    rows = read_chunk(table, chunk, start, end)
    faults.step("read")
    done = write_slice(home, table, sealed, rows, chunk, start)
    commit(home, done.remove, done.add, summary(chunk, end, done.duplicates))
    return Outcome(table.qualified, rows=done.rows, duplicates=done.duplicates, corrected=done.corrected, bytes=done.size)


def summary(chunk: int, end: int, duplicates: int) -> dict[str, str]:
    """Return what a snapshot says that seals rows of a chunk up to a seq."""
    return {iceberg.SEALED_SEQ: str(end), iceberg.SEALED_CHUNK: str(chunk), iceberg.DUPLICATES: str(duplicates)}


def write_slice(home: Table, table: StreamTable, sealed: Sealed, rows: pa.Table, chunk: int, start: int) -> Written:
    """Write the files that arrived rows come to, and those of sealed rows they correct.

    rows: as read_chunk returns them, every seq above start; start: the table holds every row up to it.
    """
    with engine.connect() as duck:
        duck.register("arrived", rows)
        touched = _overlapping(duck, table, sealed) if len(rows) else []
        if touched:
            _resolve_against(duck, table, touched)
        else:
            duck.execute(f"CREATE TEMP TABLE resolved AS {versions(table, 'arrived', ['month'])}")
        # A summary beside the resolved rows: what arrived and is not there repeated the version before it.
        kept = _scalar(duck, f"SELECT count(*) FROM resolved WHERE seq > {start}")  # noqa: S608
        schema = parquet.arrow_schema(table, {field.name: field.field_id for field in home.schema().fields})
        added = _write_months(duck, table, schema, chunk, start)
        replaced, rewritten, corrected = _rewrite(duck, table, schema, touched, start, chunk)
    size = sum(one.size for one in added)
    return Written(replaced, added + rewritten, len(rows), len(rows) - kept, corrected, size)


def read_chunk(table: StreamTable, chunk: int, start: int, end: int) -> pa.Table:
    """Return the rows of a chunk with start < seq ≤ end, the entity by its key, and the month each belongs to.

    An entity that is no longer in its register goes by `#` and its number, so that no row is ever without one.
    """
    values = tables.hot_values(table, chunk_columns(table, chunk))
    sql = f"""
        SELECT coalesce(register.key, '#' || hot.entity_id) AS {quote(table.entity)}, hot."time" AS {quote(table.time)},
            hot.seq, hot.quality{values},
            (extract(year FROM hot."time" AT TIME ZONE 'UTC') * 12 + extract(month FROM hot."time" AT TIME ZONE 'UTC')
                - 23641)::int8 AS month
        FROM {table.chunk(chunk)} AS hot LEFT JOIN {table.register} AS register ON register.id = hot.entity_id
        WHERE hot.seq > {int(start)} AND hot.seq <= {int(end)}
    """  # noqa: S608 - names derived from checked declarations
    with look() as looked:
        return looked.query(sql)


def chunk_columns(table: StreamTable, chunk: int) -> set[str]:
    """Return the columns of a chunk; asked only of a stream that has left some behind, which newer chunks lack."""
    if not table.formers:
        return set()
    with database.connect() as conn:
        return set(database.columns(conn, table.chunk(chunk)))


def may_meet(table: StreamTable, sealed: Sealed, rows: pa.Table) -> bool:
    """Say whether a sealed row has the entity and time of one of these, which have the columns of read_chunk."""
    with engine.connect() as duck:
        duck.register("arrived", rows)
        touched = _overlapping(duck, table, sealed)
        if not touched:
            return False
        key = names([table.entity, table.time])
        since, until = min(file.since for file in touched), max(file.until for file in touched)
        span = f"{quote(table.time)} BETWEEN make_timestamptz({since}) AND make_timestamptz({until})"
        sql = f"""
            SELECT count(*) FROM {iceberg.reading(touched)}
            WHERE {quote(table.time)} BETWEEN (SELECT min({quote(table.time)}) FROM arrived)
                AND (SELECT max({quote(table.time)}) FROM arrived)
                AND ({key}) IN (SELECT ({key}) FROM arrived WHERE {span})
        """  # noqa: S608
        return bool(_scalar(duck, sql))


def _overlapping(duck: duckdb.DuckDBPyConnection, table: StreamTable, sealed: Sealed) -> list[SealedFile]:
    """Return the sealed files that may hold rows of the same entities and times as the arrived ones."""
    spans = duck.execute(
        f"SELECT month, epoch_us(min({quote(table.time)})), epoch_us(max({quote(table.time)})), "  # noqa: S608
        f"min({quote(table.entity)}), max({quote(table.entity)}) FROM arrived GROUP BY month"
    ).fetchall()
    return [
        file
        for file in sealed.files
        if any(
            file.month == month and file.since <= until and file.until >= since and file.first <= last and file.last >= first
            for month, since, until, first, last in spans
        )
    ]


def _resolve_against(duck: duckdb.DuckDBPyConnection, table: StreamTable, touched: list[SealedFile]) -> None:
    """Make `resolved`: the versions among the arrived rows and the current sealed rows of the same entity and time."""
    columns = names([table.entity, table.time, "seq", "quality", *table.carried])
    key = names([table.entity, table.time])
    since, until = min(file.since for file in touched), max(file.until for file in touched)
    duck.execute(f"""
        CREATE TEMP TABLE met AS
        SELECT {columns} FROM {iceberg.reading(touched)} AS sealed
        WHERE until_seq IS NULL AND {quote(table.time)} BETWEEN make_timestamptz({since}) AND make_timestamptz({until})
            AND ({key}) IN (SELECT ({key}) FROM arrived)
    """)  # noqa: S608
    duck.execute(f"""
        CREATE TEMP TABLE resolved AS
        WITH everything AS (SELECT {columns}, month FROM arrived UNION ALL BY NAME SELECT {columns} FROM met)
        {versions(table, "everything", ["month"])}
    """)  # noqa: S608


def _write_months(
    duck: duckdb.DuckDBPyConnection, table: StreamTable, schema: pa.Schema, chunk: int, start: int
) -> list[Stored]:  # fmt: skip
    """Write the resolved rows that arrived, one file per month; the names depend on chunk, slice and month alone."""
    columns = names(list(iceberg.sealed_columns(table)))
    order = names([table.entity, table.time, "seq"])
    written = []
    for (month,) in duck.execute("SELECT DISTINCT month FROM resolved WHERE month IS NOT NULL ORDER BY month").fetchall():
        rows = engine.fetch(duck, f"SELECT {columns} FROM resolved WHERE month = {month} ORDER BY {order}")  # noqa: S608
        written.append(parquet.write(table, rows, schema, chunk_stem(table, month, chunk, start)))
    return written


def _rewrite(
    duck: duckdb.DuckDBPyConnection, table: StreamTable, schema: pa.Schema, touched: list[SealedFile], start: int, chunk: int
) -> tuple[list[SealedFile], list[Stored], int]:
    """Copy the files that hold corrected rows, with until_seq set; return the old ones, the new, and how many rows changed."""
    if not touched:
        return [], [], 0
    # Rows of the sealed table carry no month here, which tells them from the arrived ones.
    duck.execute("CREATE TEMP TABLE ended AS SELECT seq, until_seq FROM resolved WHERE month IS NULL AND until_seq IS NOT NULL")
    count = _scalar(duck, "SELECT count(*) FROM ended")
    if not count:
        return [], [], 0
    order = names([table.entity, table.time, "seq"])
    replaced, rewritten = [], []
    for file in touched:
        source = iceberg.reading([file])
        if not _scalar(duck, f"SELECT count(*) FROM {source} SEMI JOIN ended USING (seq)"):  # noqa: S608
            continue
        columns = ", ".join(
            "coalesce(ended.until_seq, old.until_seq) AS until_seq" if name == "until_seq" else f"old.{quote(name)}"
            for name in iceberg.sealed_columns(table)
        )
        sql = f"SELECT {columns} FROM {source} AS old LEFT JOIN ended ON ended.seq = old.seq ORDER BY {order}"  # noqa: S608
        first = places.last_name(file.path).split(".")[0].split("-as-of-")[0]
        stem = f"{month_folder(table, file.month)}/{first}-as-of-{chunk:06d}-{start}"
        with closing(engine.stream(duck, sql, parquet.ROW_GROUP)) as rows:  # a merged file has eight million
            rewritten.append(parquet.write(table, rows.take(file.rows), schema, stem))
        replaced.append(file)
    return replaced, rewritten, count


def chunk_stem(table: StreamTable, month: int, chunk: int, start: int) -> str:
    """Return the stem of the file of a chunk's slice and month: the same again for an attempt that follows one that died."""
    return f"{month_folder(table, month)}/chunk-{chunk:06d}-{start}"


def month_folder(table: StreamTable, month: int) -> str:
    """Return the folder of a month's new files. month: months since 1970-01, as Iceberg counts."""
    return f"{iceberg.home_folder(table)}/data/{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def _mark(
    conn: Connection, home: Table, table: StreamTable, chunk: int, seq_from: int, seq_to: int, sealed: Sealed
) -> tuple[int, int]:
    """Note in the books that a chunk is sealed, with the counts the snapshots of its slices give; return rows, duplicates."""
    rows = _one(conn, f"SELECT count(*) FROM {table.chunk(chunk)} WHERE seq BETWEEN {int(seq_from)} AND {int(seq_to)}")  # noqa: S608
    duplicates = sum(
        int(snapshot.summary[iceberg.DUPLICATES] or 0)
        for snapshot in home.snapshots()
        if snapshot.summary is not None and snapshot.summary.get(iceberg.SEALED_CHUNK) == str(chunk)
        and snapshot.summary.get(iceberg.DUPLICATES) is not None
    )  # fmt: skip
    conn.execute(
        "UPDATE lake_chunk SET sealed_at = now(), rows = %s, duplicates = %s, snapshot = %s WHERE stream = %s AND chunk = %s",
        [rows, duplicates, sealed.snapshot, table.qualified, chunk],
    )
    faults.step("marked")
    return rows, duplicates


def _one(conn: Connection, sql: str) -> Any:
    row = conn.execute(sql).fetchone()
    return row[0] if row else None


def _scalar(duck: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return duck.execute(sql).fetchall()[0][0]
