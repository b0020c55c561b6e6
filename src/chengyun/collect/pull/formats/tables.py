# SPDX-License-Identifier: Apache-2.0
"""What a reader gives back: tables of typed columns in batches, and what in them did not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LINE", "Aside", "Column", "Fault", "Findings", "Kind", "Table"]

Kind = Literal["number", "integer", "text", "code", "day", "month", "moment", "clock", "flag", "geometry"]
"""What a column holds: number float64, integer int64, text and code string, day and month date32, moment timestamp[us, UTC],
clock time64, flag bool, geometry WKB in WGS-84."""

LINE = "__line"
"""The last column of every batch: the line or row of the file each row stood on, from 1; where there are none, its number."""


class Column(NamedTuple):
    """A column of a table. unit: what its numbers are in, when that is known. written: its heading in the file."""

    name: str
    kind: Kind
    unit: str = ""
    written: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A cell, row or file that does not fit.

    code: stable word for the kind of fault. line: from 1, as the file counts; 0: the file as a whole. column: heading or key; "":
    the whole row. address: `C7` in a workbook, `line 7, column 3` in text, an object's path elsewhere. found, expected: in words.
    mend: what the sender can do.
    """

    code: str
    table: str
    line: int
    column: str
    address: str
    found: str
    expected: str
    mend: str = ""

    @property
    def sentence(self) -> str:
        """Return what, where, expected and what to do, as a person reads it."""
        where = ", ".join(it for it in (self.table, self.address, self.column) if it)
        tail = f" {self.mend}." if self.mend else ""
        return f"{where}: found {self.found}, expected {self.expected}.{tail}"


class Aside(NamedTuple):
    """A row that is no record and was left out knowingly: a title, a sum, a note, a repeated heading."""

    line: int
    kind: Literal["title", "sum", "note", "heading"]
    text: str


@dataclass(slots=True)
class Findings:
    """What reading found, growing while batches are taken. Beyond `most`, faults are counted and not kept."""

    most: int = 100_000
    faults: list[Fault] = field(default_factory=list)
    count: int = 0
    asides: list[Aside] = field(default_factory=list)
    rows: int = 0
    withheld: int = 0
    """rows: given out. withheld: rows not given out because a required cell or the whole row did not fit."""

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.faults) < self.most:
            self.faults.append(fault)

    def leave_out(self, aside: Aside) -> None:
        if len(self.asides) < self.most:
            self.asides.append(aside)


@dataclass(slots=True)
class Table:
    """One table of a file. Take all of `batches` before judging `findings`; then ask for the next table.

    explained: how headings were matched to columns, in sentences. unknown: headings nothing was declared for; they are given as
    text under their own names. missing: declared columns the file does not have.
    """

    name: str
    columns: tuple[Column, ...]
    batches: Iterator[pa.RecordBatch]
    findings: Findings
    explained: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def faults(self) -> list[Fault]:
        """The faults found so far."""
        return self.findings.faults
