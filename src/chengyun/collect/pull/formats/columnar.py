# SPDX-License-Identifier: Apache-2.0
"""Parquet: typed already; only the types are brought to those a table has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chengyun.collect.pull.formats.cells import ARROW
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.tables import LINE, Column, Fault, Findings, Kind, Table
from chengyun.errors import Malformed

__all__ = ["kind_of", "read_parquet"]


def read_parquet(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield the one table of a file. Columns of lists, structs or maps are left out, and said."""
    try:
        opened = pq.ParquetFile(file, memory_map=False, thrift_string_size_limit=16 * 2**20)
    except (pa.ArrowInvalid, OSError) as wrong:
        raise Malformed(f"{name} is not a Parquet file that can be read: {wrong}.", file=name) from wrong
    groups = [opened.metadata.row_group(index).total_byte_size for index in range(opened.metadata.num_row_groups)]
    if sum(groups) > 8 * options.most_bytes or max(groups, default=0) > options.most_bytes:
        raise Malformed(
            f"{name} unpacks to {sum(groups):,} bytes in groups of up to {max(groups):,}; expected groups of at most "
            f"{options.most_bytes:,}. Write it in smaller row groups.",
            code="too_large", file=name,
        )  # fmt: skip
    findings = Findings(options.most_faults)
    columns: list[Column] = []
    for field in opened.schema_arrow:
        kind = kind_of(field.type)
        if kind is None:
            findings.add(
                Fault("type", name, 0, field.name, "schema", str(field.type)[:60], "one value a cell", "Flatten the column")
            )
        else:
            columns.append(Column(field.name, kind, "", field.name))
    yield Table(name, tuple(columns), _batches(opened, columns, name, options, findings), findings)


def kind_of(kind: Any) -> Kind | None:
    checks: tuple[tuple[Any, Kind], ...] = (
        (pa.types.is_boolean, "flag"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"),
        (pa.types.is_timestamp, "moment"),
        (pa.types.is_date, "day"),
        (pa.types.is_time, "clock"),
        (pa.types.is_string, "text"),
        (pa.types.is_large_string, "text"),
        (pa.types.is_string_view, "text"),
        (pa.types.is_binary, "geometry"),
        (pa.types.is_null, "text"),
    )
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    return next((name for check, name in checks if check(kind)), None)


def _batches(opened: Any, columns: list[Column], name: str, options: Options, findings: Findings) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(it.name, ARROW[it.kind]) for it in columns] + [pa.field(LINE, pa.int64())])
    row = 0
    try:
        for batch in opened.iter_batches(batch_size=options.rows, columns=[it.name for it in columns]):
            arrays = [_cast(batch[it.name], it, row, name, options, findings) for it in columns]
            lines = pa.array(range(row + 1, row + batch.num_rows + 1), pa.int64())
            row += batch.num_rows
            findings.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays([*arrays, lines], schema=schema)
    except (pa.ArrowInvalid, OSError) as wrong:
        raise Malformed(f"{name} is broken after row {row:,}: {wrong}. Send it again.", file=name) from wrong


def _cast(array: pa.Array, column: Column, before: int, name: str, options: Options, findings: Findings) -> pa.Array:
    kind = ARROW[column.kind]
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if column.kind == "moment" and array.type.tz is None:
        # Without a zone, clocks of the place are meant.
        array = pc.assume_timezone(
            array.cast(pa.timestamp("us"), safe=False), options.zone, ambiguous="earliest", nonexistent="earliest"
        )
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        pass
    cast, bad = [], []
    for index, value in enumerate(array):
        try:
            cast.append(value.cast(kind).as_py() if value.is_valid else None)
        except pa.ArrowInvalid:
            cast.append(None)
            bad.append(index)
    for index in bad:
        row = before + index + 1
        findings.add(Fault(column.kind, name, row, column.name, f"row {row}", str(array[index])[:40], str(kind)))
    return pa.array(cast, kind)
