# SPDX-License-Identifier: Apache-2.0
"""Writing sealed files: Parquet, zstd, sorted by entity and time, durable before anybody hears of them.

Measured on real hourly air data, bytes per row of six quantities: dictionary 4.5–6.9, byte stream split 5.4–7.4, plain
6.1–8.1. A city's instruments report few distinct values, so the dictionary wins; time and seq rise steadily, so deltas.
Of Beijing's 6.89 in one file, see docs/decisions/0310: none of Parquet's encodings brings doubles of four decimals below 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from chengyun.lake import content, faults, places
from chengyun.lake.iceberg import sealed_columns
from chengyun.lake.tables import StreamTable

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 1 << 18
LEVEL = 9
QUICK_LEVEL = 5
"""For parts of a load, of which many become one file soon: half the work for at most 0.4 % more bytes."""


def arrow_schema(table: StreamTable, field_ids: dict[str, int]) -> pa.Schema:
    """Return the Arrow schema of a sealed file, each column with the field id the Iceberg schema gives it."""
    import pyarrow as pa

    kinds = {table.entity: pa.string(), table.time: pa.timestamp("us", tz="UTC")}
    kinds |= dict.fromkeys(("seq", "quality", "until_seq"), pa.int64())
    kinds |= {key: pa.string() if key in table.words else pa.float64() for key in table.carried}
    required = {table.entity, table.time, "seq", "quality"}
    return pa.schema([
        pa.field(name, kinds[name], nullable=name not in required, metadata={"PARQUET:field_id": str(field_ids[name])})
        for name in sealed_columns(table)
    ])  # fmt: skip


class Stored(NamedTuple):
    """A sealed file that has been written."""

    path: str
    size: int


def write(table: StreamTable, rows: pa.Table | Iterable[pa.Table], schema: pa.Schema, stem: str, level: int = LEVEL) -> Stored:
    """Write sorted rows to a file of the home place, whole and durable when this returns, or not there.

    rows: all of them, or as they come, in tables of ROW_GROUP of which only the last is smaller.
    stem: its path, to which the digest of its content is added. A file of the same name, left by an attempt that died, is
    replaced.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = places.home()
    half = place.draft(stem)
    deltas = {table.time: "DELTA_BINARY_PACKED", "seq": "DELTA_BINARY_PACKED"}
    with pq.ParquetWriter(
        half,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=level,
        use_dictionary=[name for name in schema.names if name not in deltas],
        column_encoding=deltas,
        dictionary_pagesize_limit=4 << 20,
        # Arrow's own account of the schema, 900 bytes a file: Iceberg and Parquet say the same.
        store_schema=False,
    ) as writer:
        for part in [rows] if isinstance(rows, pa.Table) else rows:
            writer.write_table(part.cast(schema), row_group_size=ROW_GROUP)
        faults.step("file-half-written")
    stored = Stored(content.named(stem, content.digest(half)), half.stat().st_size)
    place.keep(half, stored.path)
    faults.step("file-written")
    return stored
