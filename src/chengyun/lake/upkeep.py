# SPDX-License-Identifier: Apache-2.0
"""Comparing the books with the files, and removing files nobody refers to any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chengyun.errors import Unavailable
from chengyun.lake import books, care, content, iceberg, places
from chengyun.lake.iceberg import SealedFile
from chengyun.lake.places import Found, path_of
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
    stray: tuple[str, ...]


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
    try:
        lying = {found.path: found.size for found in _files(table, "data")}
        faults += [fault for file in sealed.files for fault in _wrong(file, lying, contents)]
    except Unavailable as away:
        lying = {}
        faults.append(away.sentence)
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
    stray = tuple(path for path in lying if path not in used)
    return Findings(table.qualified, len(sealed.files), rows, sum(file.size for file in sealed.files), tuple(faults), stray)


def _wrong(file: SealedFile, lying: dict[str, int], contents: bool) -> Iterator[str]:
    """Yield what is wrong with a file of a sealed table. lying: the files found at the places, with their sizes."""
    size = lying[file.path] if file.path in lying else places.place_of(file.path).size(file.path)
    advice = "run `chengyun lake repair`, or bring it back from a backup."
    if size is None:
        yield f"{file.path} is part of the sealed table and is missing; {advice}"
    elif size != file.size:
        yield f"{file.path} has {size} bytes instead of {file.size}; {advice}"
    elif (
        contents and (told := content.told_digest(file.path)) is not None and places.place_of(file.path).digest(file.path) != told
    ):
        yield f"{file.path} does not have the content its name says; {advice}"


def mend(table: StreamTable) -> tuple[int, int]:
    """Put back files that are missing or damaged and of which this machine has a sound copy; return how many, and how many
    are wrong still. The caller is the stream's only sealer."""
    with books.look() as looked:
        sealed = iceberg.read_sealed(looked.standings([table])[table.qualified].metadata_location)
    lying = {found.path: found.size for found in _files(table, "data")}
    mended = left = 0
    for file in sealed.files:
        if any(_wrong(file, lying, contents=False)):
            if places.place_of(file.path).put_back(file.path):
                mended += 1
            else:
                left += 1
    return mended, left


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
    for lying in [*_files(table, "data"), *_files(table, "metadata")]:
        if lying.path not in used and lying.changed < before:
            places.place_of(lying.path).remove(lying.path)
            gone += 1
    return gone


def _used(found: Table) -> Iterator[str]:
    """Yield the path of every file that a snapshot of the table, or its log of metadata, refers to."""
    yield path_of(found.metadata_location)
    for older in found.metadata.metadata_log:
        yield path_of(older.metadata_file)
    for snapshot in found.snapshots():
        yield path_of(snapshot.manifest_list)
        for manifest in snapshot.manifests(found.io):
            yield path_of(manifest.manifest_path)
            for entry in manifest.fetch_manifest_entry(found.io, discard_deleted=True):
                yield path_of(entry.data_file.file_path)


def _files(table: StreamTable, part: str) -> list[Found]:
    """Return a stream's files at every place."""
    return [found for place in places.known() for found in place.files(f"{place.root}/{table.name}/{part}")]
