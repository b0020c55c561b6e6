# SPDX-License-Identifier: Apache-2.0
"""Comparing the books with the files, and removing files nobody refers to any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chengyun.lake import books, care, iceberg, parquet
from chengyun.lake.seal import Connection
from chengyun.lake.tables import SCHEMA, StreamTable

if TYPE_CHECKING:
    from pyiceberg.table import Table


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check of one stream found. faults: sentences; empty when all is well. stray: files nobody refers to."""

    stream: str
    files: int
    rows: int
    size: int
    faults: tuple[str, ...]
    stray: tuple[Path, ...]


def examine(conn: Connection, table: StreamTable, contents: bool = False) -> Findings:
    """Compare a stream's chunks, its sealed table and its files. contents: read every file and compare its digest."""
    with books.look() as looked:
        standing = looked.standings([table])[table.qualified]
    sealed = iceberg.read_sealed(standing.metadata_location)
    chunks = conn.execute(
        "SELECT chunk, seq_to, sealed_at IS NOT NULL, dropped_at IS NOT NULL, rows, duplicates, "
        "to_regclass(%s || chunk) IS NOT NULL FROM lake_chunk WHERE stream = %s ORDER BY chunk",
        [table.chunk(0)[:-1], table.qualified],
    ).fetchall()
    faults = []
    for chunk, seq_to, is_sealed, is_dropped, _, _, exists in chunks:
        if is_sealed and seq_to > sealed.seq:
            faults.append(f"Chunk {chunk} is marked as sealed to seq {seq_to}, but the sealed table ends at {sealed.seq}.")
        if not is_dropped and not exists:
            faults.append(f"Chunk {chunk} has no table {table.chunk(chunk)} and was never dropped; its rows may be lost.")
    for file in sealed.files:
        path = Path(file.path)
        if not path.exists():
            faults.append(f"{path} is part of the sealed table and is missing; bring it back from a backup.")
        elif path.stat().st_size != file.size:
            faults.append(f"{path} has {path.stat().st_size} bytes instead of {file.size}; bring it back from a backup.")
        elif contents and (told := parquet.told_digest(path)) is not None and parquet.digest(path) != told:
            faults.append(f"{path} does not have the content its name says; bring it back from a backup.")
    rows = sum(file.rows for file in sealed.files)
    marked = [(count, repeated) for _, _, is_sealed, _, count, repeated, _ in chunks if is_sealed]
    # A chunk committed and not yet marked, as after a crash, makes the counts incomparable until the next sealing.
    unmarked = any(not is_sealed and seq_to is not None and seq_to <= sealed.seq for _, seq_to, is_sealed, *_ in chunks)
    expected = sum(count - repeated for count, repeated in marked) + care.balance(conn, table)
    if not unmarked and rows != expected:
        faults.append(f"The sealed table has {rows} rows; the chunks sealed into it had {expected} without repetitions.")
    if care.unsettled(conn, table):
        faults.append("A restored snapshot has not been followed by the newest rows. Run `chengyun lake repair`.")
    used = {file.path for file in sealed.files}
    stray = tuple(path for path in _files(table, "data") if str(path) not in used)
    return Findings(table.qualified, len(sealed.files), rows, sum(file.size for file in sealed.files), tuple(faults), stray)


def sweep(table: StreamTable, older_than: dt.timedelta, now: dt.datetime) -> int:
    """Forget old snapshots and remove files that no remaining one refers to; return how many files went.

    older_than: longer than any reader holds a snapshot. The caller is the stream's only sealer.
    """
    home = iceberg.catalogue()
    if not home.namespace_exists(SCHEMA) or not home.table_exists((SCHEMA, table.name)):
        return 0
    found = home.load_table((SCHEMA, table.name))
    before = now - older_than
    if any(snapshot.timestamp_ms < before.timestamp() * 1000 for snapshot in found.snapshots()[:-1]):
        found.maintenance.expire_snapshots().older_than(before).commit()
        found = home.load_table((SCHEMA, table.name))
    used = set(_used(found))
    gone = 0
    for path in [*_files(table, "data"), *_files(table, "metadata")]:
        if str(path) not in used and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _used(found: Table) -> Iterator[str]:
    """Yield the path of every file that a snapshot of the table, or its log of metadata, refers to."""
    yield iceberg.local_path(found.metadata_location)
    for older in found.metadata.metadata_log:
        yield iceberg.local_path(older.metadata_file)
    for snapshot in found.snapshots():
        yield iceberg.local_path(snapshot.manifest_list)
        for manifest in snapshot.manifests(found.io):
            yield iceberg.local_path(manifest.manifest_path)
            for entry in manifest.fetch_manifest_entry(found.io, discard_deleted=True):
                yield iceberg.local_path(entry.data_file.file_path)


def _files(table: StreamTable, part: str) -> list[Path]:
    return sorted(path for path in (iceberg.warehouse_folder(table) / part).rglob("*") if path.is_file())
