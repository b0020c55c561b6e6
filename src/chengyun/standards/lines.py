# SPDX-License-Identifier: Apache-2.0
"""Rows of a plain CSV file in UTF-8 with their lines, for feeds whose files are known to be that.

What departments send in any encoding and layout is read by chengyun.collect.pull.formats.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from chengyun.errors import Malformed

__all__ = ["malformed", "read_lines", "real"]

Line = tuple[int, Mapping[str, str]]


def malformed(name: str, line: int, what: str) -> Malformed:
    """Return the fault of a row: file, line, what is wrong and what was expected."""
    return Malformed(f"{name}, line {line}: {what}.", file=name, line=line)


def read_lines(file: BinaryIO, name: str, columns: Sequence[str]) -> Iterator[Line | Malformed]:
    """Yield (line, row) of a file with a header; what cannot be read is yielded as Malformed.

    columns: the ones that must be there. A row that spans lines has the number of its last.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    rows = csv.reader(text, skipinitialspace=True)
    try:
        header = [column.strip() for column in next(rows, [])]
        if lacking := [column for column in columns if column not in header]:
            found = ", ".join(header)[:200] or "an empty file"
            yield malformed(name, 1, f"column {', '.join(lacking)} missing; found {found}. Check that this is the right feed")
            return
        for row in rows:
            if len(row) == len(header):
                yield rows.line_num, dict(zip(header, row, strict=True))
            elif row:
                yield malformed(name, rows.line_num, f"{len(row)} fields, expected {len(header)}")
    except UnicodeDecodeError as wrong:
        yield malformed(name, rows.line_num + 1, f"not UTF-8 ({wrong.reason}). Convert the file; the rest was not read")
    except csv.Error as wrong:
        yield malformed(name, rows.line_num + 1, f"not CSV: {wrong}. The rest was not read")
    finally:
        # The file is its opener's to close, unless that has happened before the last row was asked for.
        if not file.closed:
            text.detach()


def real(text: str, column: str, low: float, high: float) -> float | None:
    """Return a number within bounds; None for an empty field. Raises ValueError with a sentence."""
    bare = text.strip()
    if not bare:
        return None
    try:
        value = float(bare)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ValueError(f"{column} is {text[:40]!r}, expected a number from {low:g} to {high:g}")
    return value
