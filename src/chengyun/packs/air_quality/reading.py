# SPDX-License-Identifier: Apache-2.0
"""Reading the pack's CSV files: rows with their line, numbers as written, and a sentence for what cannot be read."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chengyun.city import Malformed

ZONE = ZoneInfo("Asia/Shanghai")
MISSING = frozenset({"", "-", "_", "—", "-;", "NA", "NaN", "nan", "None", "null"})
"""How the sources write that there is no value. Unknown is never zero."""

MOST_DIGITS = 9
"""No unit of the pack needs more; 1e999999999 is a Decimal, but nothing can be computed with it."""

Line = tuple[int, Mapping[str, str]]


def read_lines(file: BinaryIO, name: str, columns: Sequence[str]) -> Iterator[Line | Malformed]:
    """Yield (line number, row) of a CSV file with a header; what cannot be read is yielded as Malformed.

    columns: the ones that must be there. A row ends where its quotes say, so a field may hold line breaks; the number
        is that of the row's last line. Nothing more is yielded after a fault that leaves the rest unreadable.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    rows = csv.reader(text)
    try:
        header = [column.strip() for column in next(rows, [])]
        if lacking := [column for column in columns if column not in header]:
            found = ", ".join(header)[:200] or "an empty file"
            yield malformed(name, 1, f"column {', '.join(lacking)} missing; found {found}. Check that this is the right feed")
            return
        while (row := _next(rows)) is not None:
            if isinstance(row, str):
                yield malformed(name, rows.line_num, row)
            elif len(row) != len(header):
                yield malformed(name, rows.line_num, f"{len(row)} fields, expected {len(header)}")
            else:
                yield rows.line_num, dict(zip(header, row, strict=True))
    except UnicodeDecodeError as wrong:
        yield malformed(name, rows.line_num + 1, f"not UTF-8 ({wrong.reason}). Convert the file; the rest was not read")
    finally:
        # The file is its opener's to close, unless that has happened before the last row was asked for.
        if not file.closed:
            text.detach()


def _next(rows: Iterator[list[str]]) -> list[str] | str | None:
    """Return the next row that is not empty, a sentence for one that breaks CSV, or None at the end."""
    try:
        return next((row for row in rows if row), None)
    except csv.Error as wrong:
        return f"not CSV: {wrong}"


def malformed(name: str, line: int, what: str) -> Malformed:
    """Return the fault of a row: file, line, what is wrong and what was expected."""
    return Malformed(f"{name}, line {line}: {what}.", file=name, line=line)


def number(text: str, column: str) -> Decimal | None:
    """Return a measured value exactly as written; None for a missing marker. Raises ValueError with a sentence."""
    text = text.strip()
    if text in MISSING:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() > MOST_DIGITS:
        raise ValueError(f"{column} is {text[:40]!r}, expected a number or a missing marker")
    return value


def local_time(year: str, month: str, day: str, hour: str = "0") -> dt.datetime:
    """Return the instant of a local clock hour. Raises ValueError with a sentence."""
    try:
        return dt.datetime(int(year), int(month), int(day), int(hour), tzinfo=ZONE)
    except ValueError as wrong:
        raise ValueError(f"time {year}-{month}-{day} {hour} h is not one ({wrong})") from wrong
