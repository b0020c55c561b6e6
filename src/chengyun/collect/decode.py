# SPDX-License-Identifier: Apache-2.0
"""Bodies as senders write them, read into columns. Pure: no clock, no register, no network.

    one object       {"station_code": "1234A", "hour_start": "2026-11-21T08:00:00+08:00", "pm25": 35}
    many objects     [{…}, {…}]
    rows form        {"columns": ["station_code", "hour_start", "pm25"], "rows": [["1234A", 1763683200000, 35], …]}
    array form       {"columns": {"station_code": ["1234A", …], "hour_start": [1763683200000, …], "pm25": [35, …]}}

A fault of the whole body raises Malformed with the HTTP status in its fields; a fault of one row sets that row
aside in `Decoded.dead` and the others go on.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from chengyun.city import Code, Quantity, Stream, Text
from chengyun.errors import Malformed, nearest
from chengyun.standards import identifiers

__all__ = ["MOST_ROWS", "Dead", "Decoded", "read_body", "read_columns", "read_objects"]

MOST_ROWS = 100_000
"""Rows of one body; a larger one is asked to come in parts, so that one sender cannot hold up the others."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMBERS = frozenset({int, float, type(None)})
_WORDS = frozenset({str, type(None)})
_LONGEST_INTEGER = 2**53
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Dead:
    """Why one row was set aside: a stable code and a sentence."""

    code: str
    reason: str


@dataclass(slots=True)
class Decoded:
    """A body as columns of equal length. Rows named in `dead` hold placeholders and must not be stored.

    keys: the entities' keys. time: microseconds since 1970, UTC. numbers: NaN is unknown.
    raw: the columns as sent, for dead letters.
    """

    keys: list[str]
    time: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    words: dict[str, list[str | None]]
    raw: Mapping[str, Sequence[object]]
    dead: dict[int, Dead] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    def raw_row(self, index: int) -> dict[str, object]:
        """Return one row as it was sent; absent cells are absent."""
        return {name: value for name, column in self.raw.items() if (value := column[index]) is not _MISSING}


def read_body(body: bytes, stream: Stream) -> Decoded:
    """Read a JSON body of any of the four forms. Raises Malformed for a fault of the whole body."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _unreadable(body, wrong) from wrong
    match found:
        case {"columns": dict(columns)}:
            _only(found, ("columns",))
            _refuse_doubled(body, columns)
            return read_columns(columns, stream)
        case {"columns": list(names), "rows": list(rows)}:
            _only(found, ("columns", "rows"))
            return _read_rows(names, rows, stream)
        case {"columns": _}:
            raise _fault(
                "shape",
                '"columns" is neither an object of lists nor a list of names beside "rows". Write {"columns": {name: [...]}}.',
            )
        case dict():
            return read_objects([found], stream)
        case list():
            return read_objects(found, stream)
        case _:
            raise _fault("shape", f"The body is {_kind(found)}, expected an object or a list of objects.")


def read_columns(columns: Mapping[str, Any], stream: Stream) -> Decoded:
    """Read columns by name. Raises Malformed for an unknown or missing column or lists of unequal length."""
    _known(columns, stream)
    lengths = {}
    for name, column in columns.items():
        if not isinstance(column, list):
            raise _fault("shape", f"Column {name} is {_kind(column)}, expected a list of values.", column=name)
        lengths[name] = len(column)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise _fault("unequal_columns", f"The columns are of unequal length: {told}. Every column needs one value per row.")
    for name in (stream.entity.key, stream.time):
        if name not in columns:
            raise _fault("missing_column", f"Column {name} is missing; every row needs it.", column=name)
    count = lengths[stream.time]
    _bounded(count)
    dead: dict[int, Dead] = {}
    keys = _keys(columns[stream.entity.key], stream.entity.key, dead)
    time = _times(columns[stream.time], stream.time, dead)
    numbers = {}
    for quantity in stream.quantities:
        given = columns.get(quantity.key)
        numbers[quantity.key] = np.full(count, np.nan) if given is None else _numbers(given, quantity, dead)
    words: dict[str, list[str | None]] = {}
    for word in stream.words:
        given = columns.get(word.key)
        words[word.key] = [None] * count if given is None else _words(given, word, dead)
    return Decoded(keys, time, numbers, words, columns, dead)


def read_objects(rows: Iterable[object], stream: Stream) -> Decoded:
    """Read one object per row. A row that is no object, or lacks its entity or time, is dead."""
    rows = list(rows)
    _bounded(len(rows))
    broken = {index: row for index, row in enumerate(rows) if not isinstance(row, dict)}
    whole: list[dict[str, Any]] = [row if isinstance(row, dict) else {} for row in rows]
    _known({name: None for row in whole for name in row}, stream)
    columns = {name: [row.get(name, _MISSING) for row in whole] for name in stream.columns}
    decoded = read_columns(
        {name: [None if cell is _MISSING else cell for cell in column] for name, column in columns.items()}, stream
    )
    decoded.raw = columns
    for index, row in broken.items():
        decoded.dead[index] = Dead("shape", f"The row is {_kind(row)}, expected an object.")
        for column in columns.values():
            column[index] = _MISSING
        columns[stream.entity.key][index] = row
    return decoded


def _read_rows(names: list[Any], rows: list[Any], stream: Stream) -> Decoded:
    for name in names:
        if not isinstance(name, str):
            raise _fault("shape", f"A column's name is {_kind(name)}, expected text.")
        if names.count(name) > 1:
            raise _fault("doubled_column", f"Column {name} stands twice.", column=name)
    _bounded(len(rows))
    width = len(names)
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            found = f"{len(row)} values" if isinstance(row, list) else _kind(row)
            raise _fault(
                "unequal_columns", f"Row {index} is {found}, expected a list of {width}, one value per column.", row=index
            )
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
    return read_columns(dict(zip(names, columns, strict=True)), stream)


def _unreadable(body: bytes, wrong: Exception) -> Malformed:
    if not body.strip():
        return _fault("empty", "The body is empty, expected JSON.", 400)
    if isinstance(wrong, RecursionError):
        return _fault("nested", "The JSON is nested too deeply; observations are at most three levels deep.", 400)
    if isinstance(wrong, UnicodeDecodeError) or body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in body[:4]:
        return _fault("encoding", "The body is not UTF-8. JSON between systems is UTF-8 (RFC 8259, 8.1).", 400)
    if body[:3] == b"\xef\xbb\xbf":
        return _fault("encoding", "The body begins with a byte order mark. Leave it out (RFC 8259, 8.1).", 400)
    if isinstance(wrong, msgspec.ValidationError):
        return _fault("number_range", f"A number is outside what 64 bits hold: {wrong}.", 422)
    return _fault("json", f"The body is not JSON: {wrong}.", 400)


def _refuse_doubled(body: bytes, columns: Mapping[str, Any]) -> None:
    # JSON readers keep the last of two equal names in silence; here that would drop a whole column of readings. Every
    # column opens one bracket, so only a body with more brackets than columns needs a closer look.
    if body.count(b"[") <= len(columns):
        return
    for name in columns:
        if len(re.findall(re.escape(f'"{name}"'.encode()) + rb"\s*:", body)) > 1:
            raise _fault("doubled_column", f"Column {name} stands twice.", column=name)


def _only(found: Mapping[str, Any], expected: tuple[str, ...]) -> None:
    for name in found:
        if name not in expected:
            raise _fault("shape", f"{name!r} is not expected beside {' and '.join(expected)}.")


def _known(names: Iterable[str], stream: Stream) -> None:
    known = stream.columns
    for name in names:
        if name not in known:
            hint = nearest(name, stream.columns)
            raise _fault(
                "unknown_column",
                f"Column {name[:80]!r} is not known.{hint} Known: {', '.join(stream.columns)}.",
                column=name[:80],
            )


def _bounded(count: int) -> None:
    if count > MOST_ROWS:
        raise _fault("too_many_rows", f"The body has {count} rows, at most {MOST_ROWS} go in one. Send it in parts.", 413)


def _fault(code: str, sentence: str, status: int = 422, **fields: object) -> Malformed:
    return Malformed(sentence, code=code, status=status, **fields)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


def _keys(cells: list[Any], name: str, dead: dict[int, Dead]) -> list[str]:
    if set(map(type, cells)) <= {str}:
        return cells
    keys = []
    for index, cell in enumerate(cells):
        if not isinstance(cell, str):
            found = "missing" if cell is None else f"{_kind(cell)}, expected text"
            dead.setdefault(index, Dead("entity", f"{name} is {found}."))
        keys.append(cell if isinstance(cell, str) else "")
    return keys


def _numbers(cells: list[Any], quantity: Quantity, dead: dict[int, Dead]) -> NDArray[np.float64]:
    if set(map(type, cells)) <= _NUMBERS:
        try:
            return np.array(cells, dtype=np.float64)
        except OverflowError:
            pass  # an integer beyond 1.8e308 stands among them: cell by cell
    numbers = np.full(len(cells), np.nan)
    for index, cell in enumerate(cells):
        if type(cell) in _NUMBERS:
            try:
                numbers[index] = math.nan if cell is None else float(cell)
                continue
            except OverflowError:
                dead.setdefault(index, Dead("number_range", f"{quantity.key} is an integer too large for a measured value."))
        else:
            dead.setdefault(index, Dead("type", f"{quantity.key} is {_kind(cell)}, expected a number of {quantity.unit}."))
    return numbers


def _words(cells: list[Any], word: Code | Text, dead: dict[int, Dead]) -> list[str | None]:
    fault = _code_fault(word) if isinstance(word, Code) else _text_fault(word)
    faults = {cell: fault(cell) for cell in set(cells)} if set(map(type, cells)) <= _WORDS else None
    if faults is not None and not any(faults.values()):
        return cells
    words: list[str | None] = []
    for index, cell in enumerate(cells):
        wrong = fault(cell) if cell is None or isinstance(cell, str) else f"{_kind(cell)}, expected text"
        if wrong:
            dead.setdefault(index, Dead("type", f"{word.key} is {wrong}."))
        words.append(None if wrong else cell)
    return words


def _code_fault(code: Code) -> Callable[[str | None], str | None]:
    def fault(cell: str | None) -> str | None:
        if cell is None or cell in code.codes:
            return None
        return f"{cell[:40]!r}, not one of its codes: {', '.join(list(code.codes)[:20])}"

    return fault


def _text_fault(text: Text) -> Callable[[str | None], str | None]:
    def fault(cell: str | None) -> str | None:
        if cell is None:
            return None
        if len(cell) > text.longest:
            return f"{len(cell)} characters long, at most {text.longest} are kept"
        if "\x00" in cell:
            return "a text with a NUL character"
        wrong = identifiers.fault(text.check, cell) if text.check and cell else None
        return f"no {wrong.kind.en}: {str(wrong).rstrip('.')}" if wrong else None

    return fault


def _times(cells: list[Any], name: str, dead: dict[int, Dead]) -> NDArray[np.int64]:
    if set(map(type, cells)) == {int}:
        try:
            milliseconds = np.array(cells, dtype=np.int64)
        except OverflowError:
            pass  # an integer beyond 64 bits stands among them: cell by cell
        else:
            if len(cells) == 0 or (int(milliseconds.max()) < _LONGEST_INTEGER and int(milliseconds.min()) > -_LONGEST_INTEGER):
                return milliseconds * 1000
    # A batch names few distinct instants, often one; each is read once.
    read: dict[object, int | Dead] = {}
    times = np.zeros(len(cells), dtype=np.int64)
    for index, cell in enumerate(cells):
        # True == 1 in a dict, so only texts and integers are looked up.
        known = read.get(cell) if type(cell) in (str, int) else _instant(cell, name)
        if known is None:
            known = read[cell] = _instant(cell, name)
        if isinstance(known, Dead):
            dead.setdefault(index, known)
        else:
            times[index] = known
    return times


def _instant(cell: object, name: str) -> int | Dead:
    if cell is None:
        return Dead("time", f"{name} is missing.")
    if type(cell) is int:
        if abs(cell) >= _LONGEST_INTEGER:
            return Dead("time", f"{name} is {str(cell)[:40]}, far beyond any date in milliseconds since 1970.")
        return cell * 1000
    if not isinstance(cell, str):
        return Dead("time", f"{name} is {_kind(cell)}, expected ISO 8601 with an offset or integer milliseconds since 1970.")
    try:
        instant = dt.datetime.fromisoformat(cell)
    except ValueError:
        return Dead("time", f"{name} {cell[:40]!r} is not a time. Write ISO 8601 with an offset, e.g. 2026-11-21T08:00:00+08:00.")
    if instant.tzinfo is None:
        return Dead("time", f"{name} {cell[:40]!r} has no offset from UTC. Add it, e.g. +08:00.")
    return (instant - _EPOCH) // _MICROSECOND
