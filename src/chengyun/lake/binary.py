# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's binary formats built with numpy: COPY rows and array parameters, without a step of Python per row.

    COPY: header | per row: field count int16, per field: length int32 (−1 = NULL), bytes | −1 int16
    array: dimensions int32, has-null int32, element oid int32, length int32, lower bound int32 | per element: length, bytes

All integers are big-endian; a timestamptz is microseconds since 2000-01-01 UTC.
Source: PostgreSQL 18, COPY, "Binary Format"; src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from chengyun.lake.rows import Floats, Int32s, Int64s, Rows
from chengyun.lake.tables import StreamTable

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
PG_EPOCH_US = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970: where PostgreSQL counts from."""

_WIRE = {"timestamptz": ">i8", "int8": ">i8", "float8": ">f8", "int4": ">i4"}
_SIZE = {"timestamptz": 8, "int8": 8, "float8": 8, "int4": 4}

Bytes = npt.NDArray[np.uint8]


def copy_rows(table: StreamTable, rows: Rows, seq_from: int) -> bytes:
    """Return the whole COPY stream of rows, in the order of table.columns.

    Rows are grouped by which of their numbers are unknown, since such a group has one fixed layout; the seqs say
    the order, so the groups may come in any.
    """
    seqs = np.arange(seq_from, seq_from + len(rows), dtype=np.int64)
    pattern = np.zeros(len(rows), dtype=np.int64)
    for position, key in enumerate(table.quantities):
        pattern |= np.isnan(rows.numbers[key]).astype(np.int64) << position
    words = [_encode(rows.words[key]) for key in table.words]
    parts = [HEADER]
    if not pattern.any():
        parts.append(_group(table, rows, seqs, words, 0))
    else:
        for unknown in np.unique(pattern).tolist():
            where = np.flatnonzero(pattern == unknown)
            chosen = [[column[i] for i in where.tolist()] for column in words]
            numbers = {key: values[where] for key, values in rows.numbers.items()}
            group = Rows(rows.entity[where], rows.time[where], rows.quality[where], numbers, {})
            parts.append(_group(table, group, seqs[where], chosen, unknown))
    parts.append(TRAILER)
    return b"".join(parts)


def _group(table: StreamTable, rows: Rows, seqs: Int64s, words: list[list[bytes]], unknown: int) -> bytes:
    layout, blank = _layout(table, unknown)
    fixed = np.empty(len(rows), dtype=layout)
    fixed[:] = blank
    fixed["time"] = rows.time - PG_EPOCH_US
    fixed["seq"] = seqs
    fixed["quality"] = rows.quality
    for position, key in enumerate(table.quantities):
        if not unknown >> position & 1:
            fixed[key] = rows.numbers[key]
    fixed["entity_id"] = rows.entity
    return fixed.tobytes() if not words else _interleave([_bytes_of(fixed)], words)


@functools.lru_cache(maxsize=4096)
def _layout(table: StreamTable, unknown: int) -> tuple[np.dtype[np.void], Any]:
    """Return the layout of a row whose quantities at the set bits are NULL, and a row with counts and lengths filled in."""
    fields: list[tuple[str, str]] = [("#", ">i2")]
    filled: dict[str, int] = {"#": len(table.columns)}
    for name, kind in table.types.items():
        if kind == "text":
            continue
        fields.append((f"#{name}", ">i4"))
        if name in table.quantities and unknown >> table.quantities.index(name) & 1:
            filled[f"#{name}"] = -1
        else:
            filled[f"#{name}"] = _SIZE[kind]
            fields.append((name, _WIRE[kind]))
    layout = np.dtype(fields)
    blank = np.zeros(1, dtype=layout)
    for name, value in filled.items():
        blank[name] = value
    return layout, blank[0]


def _encode(values: list[str | None]) -> list[bytes]:
    """Return each text with its length before it, as it stands on the wire. Texts repeat, so each is encoded once."""
    wire = {value: _wire_text(value) for value in set(values)}
    return [wire[value] for value in values]


def _wire_text(value: str | None) -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    raw = value.encode()
    return len(raw).to_bytes(4, "big") + raw


def _bytes_of(fixed: npt.NDArray[np.void]) -> Bytes:
    return fixed.view(np.uint8).reshape(len(fixed), fixed.dtype.itemsize)


def _interleave(fixed: list[Bytes], words: list[list[bytes]]) -> bytes:
    """Return row after row: its fixed part, then its words."""
    head = fixed[0]
    count, width = head.shape
    lengths = np.stack([np.fromiter(map(len, column), dtype=np.int64, count=count) for column in words])
    row_starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(width + lengths.sum(axis=0), out=row_starts[1:])
    out = np.empty(row_starts[-1], dtype=np.uint8)
    out[row_starts[:-1, None] + np.arange(width)] = head
    at = row_starts[:-1] + width
    for column, length in zip(words, lengths, strict=True):
        source = np.frombuffer(b"".join(column), dtype=np.uint8)
        before = np.cumsum(length) - length
        out[np.repeat(at - before, length) + np.arange(len(source))] = source
        at = at + length
    return out.tobytes()


class _Array:
    """An array parameter in binary form. One class per element type, because psycopg finds dumpers by class."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Int4s(_Array): ...


class _Int8s(_Array): ...


class _Float8s(_Array): ...


class _Times(_Array): ...


class _Texts(_Array): ...


_ELEMENT_OID = {_Int4s: 23, _Int8s: 20, _Float8s: 701, _Times: 1184, _Texts: 25}
_ARRAY_OID = {_Int4s: 1007, _Int8s: 1016, _Float8s: 1022, _Times: 1185, _Texts: 1009}


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Array) -> Buffer:
        return obj.data


for _kind, _oid in _ARRAY_OID.items():
    psycopg.adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_ArrayDumper,), {"oid": _oid}))


def int4s(values: Int32s) -> _Array:
    return _fixed(_Int4s, values, ">i4")


def int8s(values: Int64s) -> _Array:
    return _fixed(_Int8s, values, ">i8")


def float8s(values: Floats) -> _Array:
    return _fixed(_Float8s, values, ">f8")


def times(values: Int64s) -> _Array:
    """values: microseconds since 1970, UTC."""
    return _fixed(_Times, values - PG_EPOCH_US, ">i8")


def texts(values: list[str | None]) -> _Array:
    encoded = _encode(values)
    return _Texts(_array_header(_Texts, len(values), None in values) + b"".join(encoded))


def column_arrays(table: StreamTable, rows: Rows, seqs: Int64s) -> list[_Array]:
    """Return one array parameter per column, in the order of table.columns; unknown numbers stay NaN."""
    return [
        times(rows.time),
        int8s(seqs),
        int8s(rows.quality),
        *(float8s(rows.numbers[key]) for key in table.quantities),
        int4s(rows.entity),
        *(texts(rows.words[key]) for key in table.words),
    ]


def _fixed(kind: type[_Array], values: npt.NDArray[Any], wire: str) -> _Array:
    elements = np.empty(len(values), dtype=[("length", ">i4"), ("value", wire)])
    elements["length"] = elements.dtype["value"].itemsize
    elements["value"] = values
    return kind(_array_header(kind, len(values), False) + elements.tobytes())


def _array_header(kind: type[_Array], count: int, has_null: bool) -> bytes:
    return np.array([1, has_null, _ELEMENT_OID[kind], count, 1], dtype=">i4").tobytes()
