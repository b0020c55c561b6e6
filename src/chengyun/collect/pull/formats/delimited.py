# SPDX-License-Identifier: Apache-2.0
"""Text with delimiters: CSV, TSV and their kin, whatever the encoding and delimiter, lines inside quotes included."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from chengyun.collect.pull.formats.encodings import find_encoding
from chengyun.collect.pull.formats.grid import Cell, Grid
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.tables import Fault
from chengyun.errors import Refused

__all__ = ["read_delimited"]

DELIMITERS = ",\t;|，"
HEAD_LINES = 50
LONGEST_FIELD = 1 << 20


def read_delimited(file: BinaryIO, name: str, options: Options) -> Iterator[Grid]:
    """Yield the one grid of a text file."""
    encoding = find_encoding(file, name, options.encoding)
    text = io.TextIOWrapper(file, encoding.name, errors="replace", newline="")
    head = [text.readline(LONGEST_FIELD) for _ in range(HEAD_LINES)]
    stated = _stated(head[0])
    delimiter = options.delimiter or stated or _delimiter(head)
    if len(delimiter) != 1:
        raise Refused(f"Option delimiter is {delimiter!r}, expected one character.", code="options")
    text.seek(0)
    grid = Grid(name, iter(()), steady=False)
    grid.rows = _rows(text, delimiter, name, grid, skip=stated is not None)
    try:
        yield grid
    finally:
        # The file is its opener's to close.
        if not file.closed:
            text.detach()


def _stated(line: str) -> str | None:
    """Return the delimiter a first line `sep=;` states, as some spreadsheet programs write it."""
    bare = line.strip().lstrip("\ufeff")
    return bare[4] if bare.lower().startswith("sep=") and len(bare) == 5 else None


def _delimiter(head: list[str]) -> str:
    """Return the delimiter that cuts the first lines into the most equal numbers of fields, more than one."""
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(head, delimiter=delimiter) if any(row))
        except csv.Error:
            continue
        width, lines = max(widths.items(), key=lambda it: (it[1] * (it[0] > 1), it[0]), default=(1, 0))
        share = (lines / max(1, widths.total()) if width > 1 else 0.0, width)
        if share > best:
            best, found = share, delimiter
    return found


def _rows(text: io.TextIOWrapper, delimiter: str, name: str, grid: Grid, *, skip: bool) -> Iterator[tuple[int, list[Cell]]]:
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(text, delimiter=delimiter)
    line = 1
    while True:
        try:
            for row in reader:
                at, line = line, reader.line_num + 1
                if skip:
                    skip = False
                    continue
                yield at, row  # type: ignore[misc]  # a list of str is one of cells nobody writes to
            return
        except csv.Error as wrong:
            grid.faults.append(
                Fault(
                    "quotes", name, line, "", f"line {line}", f"text that breaks CSV ({wrong})",
                    f"quotes that end, and fields of at most {LONGEST_FIELD:,} characters",
                    "Look for a quotation mark without its twin there; lines up to it were read",
                )
            )  # fmt: skip
            line = reader.line_num + 1
