# SPDX-License-Identifier: Apache-2.0
"""Writing sealed files: Parquet, zstd, sorted by entity and time, durable before anybody hears of them.

Measured on real hourly air data, bytes per row of six quantities: dictionary 4.5–6.9, byte stream split 5.4–7.4, plain
6.1–8.1. A city's instruments report few distinct values, so the dictionary wins; time and seq rise steadily, so deltas.
Of Beijing's 6.87, zstd at 19 instead of 9 takes 0.16 for ten times the work, the better encoding of each column at 19 takes
0.5: its values carry some ten bits each, and what is left is theirs.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from chengyun.lake import faults
from chengyun.lake.iceberg import sealed_columns
from chengyun.lake.tables import StreamTable

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 1 << 18
LEVEL = 9


def arrow_schema(table: StreamTable, field_ids: dict[str, int]) -> pa.Schema:
    """Return the Arrow schema of a sealed file, each column with the field id the Iceberg schema gives it."""
    import pyarrow as pa

    kinds = {table.entity: pa.string(), table.time: pa.timestamp("us", tz="UTC")}
    kinds |= dict.fromkeys(("seq", "quality", "until_seq"), pa.int64())
    kinds |= dict.fromkeys(table.quantities, pa.float64()) | dict.fromkeys(table.words, pa.string())
    required = {table.entity, table.time, "seq", "quality"}
    return pa.schema([
        pa.field(name, kinds[name], nullable=name not in required, metadata={"PARQUET:field_id": str(field_ids[name])})
        for name in sealed_columns(table)
    ])  # fmt: skip


def write(table: StreamTable, rows: pa.Table, schema: pa.Schema, path: Path) -> Path:
    """Write sorted rows to a file that is whole and on disk when this returns, or is not there; return its path.

    Its name ends in the digest of its content, `<stem>.<digest>.parquet`, so that a file can be verified wherever it has
    been copied to. A file of the same name, left by an attempt that died, is replaced.
    """
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    deltas = {table.time: "DELTA_BINARY_PACKED", "seq": "DELTA_BINARY_PACKED"}
    with pq.ParquetWriter(
        half,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=[name for name in schema.names if name not in deltas],
        column_encoding=deltas,
        dictionary_pagesize_limit=4 << 20,
    ) as writer:
        writer.write_table(rows.cast(schema), row_group_size=ROW_GROUP)
        faults.step("file-half-written")
    _sync(half)
    named = path.with_suffix(f".{digest(half)}.parquet")
    half.rename(named)
    _sync(path.parent)
    faults.step("file-written")
    return named


def digest(path: Path) -> str:
    """Return what a file's name says of its content: the first half of its SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def told_digest(path: Path) -> str | None:
    """Return the digest in a file's name; None for a file written before names had one."""
    found = re.fullmatch(r"[^.]+\.([0-9a-f]{32})\.parquet", path.name)
    return found[1] if found else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
