# SPDX-License-Identifier: Apache-2.0
"""Merging: many small files of one month become few sorted ones, in a commit that changes no row."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

from chengyun.lake import engine, faults, iceberg, parquet
from chengyun.lake.iceberg import SealedFile
from chengyun.lake.parquet import Stored
from chengyun.lake.seal import commit, month_folder
from chengyun.lake.tables import StreamTable, names

if TYPE_CHECKING:
    from pyiceberg.table import Table

MOST_FILES = 8
"""How many small files a month may have before they are merged: bounds how often a row is rewritten and files opened."""
SMALL = 4_000_000
"""Rows; a larger file is left alone."""
LARGEST = 8_000_000
"""Rows of one merged file."""


def merge(table: StreamTable, most: int = MOST_FILES) -> int:
    """Merge the months of a stream that have more than `most` small files; return how many files went.

    The caller is the stream's only sealer.
    """
    home = iceberg.open_table(table)
    months: dict[int, list[SealedFile]] = defaultdict(list)
    for file in iceberg.sealed_of(home).files:
        if file.rows < SMALL:
            months[file.month].append(file)
    gone = 0
    for month, files in sorted(months.items()):
        if len(files) > most:
            _merge_month(home, table, month, files)
            gone += len(files)
    return gone


def _merge_month(home: Table, table: StreamTable, month: int, files: list[SealedFile]) -> None:
    schema = parquet.arrow_schema(table, {field.name: field.field_id for field in home.schema().fields})
    sealed = iceberg.sealed_of(home)
    columns = names(iceberg.sealed_columns(table))
    digest = hashlib.sha256("\n".join(file.path for file in files).encode()).hexdigest()[:12]
    written: list[Stored] = []
    with engine.connect(memory_limit=engine.SORTING) as duck:
        order = names([table.entity, table.time, "seq"])
        sql = f"SELECT {columns} FROM {iceberg.reading(files)} ORDER BY {order}"  # noqa: S608
        with closing(engine.stream(duck, sql, parquet.ROW_GROUP)) as rows:
            for part in range(0, sum(file.rows for file in files), LARGEST):
                stem = f"{month_folder(table, month)}/merged-{digest}-{part // LARGEST}"
                written.append(parquet.write(table, rows.take(LARGEST), schema, stem))
                faults.step("merge-written")
    commit(home, files, written, {iceberg.SEALED_SEQ: str(sealed.seq)})
    faults.step("merged")
