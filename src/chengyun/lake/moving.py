# SPDX-License-Identifier: Apache-2.0
"""Moving sealed files to where they are to lie: what is old to the archive, the rest home.

    copy a month's files → ONE Iceberg commit that names the copies, with a line in the books and in the audit

A reader follows, because a snapshot names every file by its place; one that began before finds the old file until the last
snapshot that names it is forgotten. No row changes. Killed at any moment, a move has moved whole months; copies that no
snapshot names are swept like all else.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from chengyun.lake import care, faults, iceberg, places
from chengyun.lake.iceberg import SealedFile
from chengyun.lake.places import Place, location_of
from chengyun.lake.seal import Connection
from chengyun.lake.tables import StreamTable

__all__ = ["move"]


def move(conn: Connection, table: StreamTable, before: dt.datetime | None, actor: str) -> care.Kept:
    """Move the files that do not lie where they are to; return how many, and the rows in them. The caller is the stream's
    only sealer.

    before: months that ended before it belong in the archive, where one is set; None: no month does.
    Raises Unavailable when a place is away; months moved by then stay moved.
    """
    files = rows = 0
    made = None
    # A new home is taken note of before its first file: later commits write there too.
    home = care.sealed_table(table)
    for month, misplaced in _misplaced(iceberg.sealed_of(home) if home else iceberg.NOTHING, before):
        home = iceberg.open_table(table)
        moved = [_copied(file, table, where) for file, where in misplaced]
        faults.step("care-copied")
        gone = [file for file, _ in misplaced]
        detail = {
            "month": care.month_name(month), "files": len(moved), "bytes": sum(file.size for file in moved),
            "to": sorted({where.root for _, where in misplaced}),
        }  # fmt: skip
        made = care.publish(conn, table, home, gone, moved, {}, ("moved", actor, 0, detail), settled=True)
        files, rows = files + len(moved), rows + sum(file.rows for file in moved)
    return care.Kept(table.qualified, files, rows, made)


def _misplaced(sealed: iceberg.Sealed, before: dt.datetime | None) -> Iterator[tuple[int, list[tuple[SealedFile, Place]]]]:
    """Yield the months, in order, that have files elsewhere than where they are to lie, with those files."""
    home, archive = places.home(), places.archive()
    months: dict[int, list[tuple[SealedFile, Place]]] = defaultdict(list)
    for file in sealed.files:
        old = before is not None and care.month_end(file.month) <= before
        where = archive if old and archive is not None else home
        if places.place_of(file.path).root != where.root:
            months[file.month].append((file, where))
    yield from sorted(months.items())


def _copied(file: SealedFile, table: StreamTable, where: Place) -> SealedFile:
    """Copy a file to another place, under the same month and name; return it as it stands there."""
    target = "/".join([where.root, table.name, "data", *file.path.split("/")[-2:]])
    places.copy(file.path, target)
    data_file = copy.copy(file.data_file)
    data_file._data = [*file.data_file._data]
    data_file[1] = location_of(target)  # file_path; the statistics are of the same content
    return replace(file, path=target, data_file=data_file)
