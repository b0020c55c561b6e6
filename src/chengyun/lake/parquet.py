# SPDX-License-Identifier: Apache-2.0
"""Writing sealed files: Parquet, zstd, sorted by entity and time, durable before anybody hears of them.

Measured on real hourly air data, bytes per row of six quantities: dictionary 4.5–6.9, byte stream split 5.4–7.4, plain
6.1–8.1. A city's instruments report few distinct values, so the dictionary wins; time and seq rise steadily, so deltas.
"""

from __future__ import annotations

import os
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


def write(table: StreamTable, rows: pa.Table, schema: pa.Schema, path: Path) -> None:
    """Write sorted rows to a file that is whole and on disk when this returns, or is not there.

    A file of the same name, left by an attempt that died, is replaced.
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
    half.rename(path)
    _sync(path.parent)
    faults.step("file-written")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
