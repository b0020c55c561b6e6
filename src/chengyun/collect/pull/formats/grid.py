# SPDX-License-Identifier: Apache-2.0
"""A sheet or text file as rows of cells, before anybody says what they mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chengyun.collect.pull.formats.tables import Fault

__all__ = ["Cell", "Grid", "Merge", "letters"]

Cell = str | float | int | bool | dt.datetime | dt.date | dt.time | dt.timedelta | None

Merge = tuple[int, int, int, int]
"""First line, first column, last line, last column, of cells shown as one; lines from 1, columns from 0."""


@dataclass(slots=True)
class Grid:
    """rows: (line from 1, cells from the file's first column on); empty cells are "" or None.

    lettered: a cell is named C7, as workbooks do; otherwise by line and column.
    steady: every row has as many cells, so that a row with fewer or more is no fault.
    epoch: of serial dates. faults: what opening it found.
    errors: line, column → what a formula came to where it came to nothing, such as #DIV/0!.
    """

    name: str
    rows: Iterator[tuple[int, list[Cell]]]
    lettered: bool = False
    steady: bool = False
    merges: Sequence[Merge] = ()
    epoch: int = 1900
    faults: list[Fault] = field(default_factory=list)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)

    def address(self, line: int, column: int) -> str:
        """Return how people call a cell. column: from 0."""
        return f"{letters(column)}{line}" if self.lettered else f"line {line}, column {column + 1}"


def letters(column: int) -> str:
    """Return a workbook's name of a column, from 0: A, …, Z, AA, …"""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
