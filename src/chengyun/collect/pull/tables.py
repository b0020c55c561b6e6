# SPDX-License-Identifier: Apache-2.0
"""Files as rows: the readers of formats/, a part at a time, with what did not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from chengyun.collect.pull.chunks import ROWS, Row, SetAside

if TYPE_CHECKING:
    from chengyun.collect.pull.formats import Table

__all__ = ["Part", "read_tables"]

_KINDS = {
    "number": "number", "integer": "number", "text": "text", "code": "text", "clock": "text", "day": "date", "month": "date",
    "moment": "time", "flag": "flag", "geometry": "binary",
}  # fmt: skip


@dataclass(slots=True)
class Part:
    """Some rows of one table. lines: of the file, first and last."""

    table: str
    rows: list[Row]
    kinds: dict[str, str]
    lines: tuple[int, int] = (0, 0)
    aside: list[SetAside] = field(default_factory=list)


def read_tables(
    file: BinaryIO, name: str, options: Mapping[str, Any], table: str, needed: Collection[str] = ()
) -> Iterator[Part]:
    """Yield the rows of a file's tables. Raises Malformed for a file no reader can read, Refused for wrong options.

    table: the only one wanted; "": every one that has a column of `needed` – a workbook's cover sheet has none.
    """
    from chengyun.collect.pull.formats import Options, read_table  # pyarrow, which only a process that reads files needs

    first: Part | None = None
    found = False
    for one in read_table(file, name, Options.of(options)):
        if table and one.name != table:
            _skip(one)
            continue
        kinds = {column.name: _KINDS[column.kind] for column in one.columns}
        if needed and not set(needed) & set(kinds):
            first = first or Part(one.name, [], kinds)
            _skip(one)
            continue
        found = True
        yield from _parts(one, name, kinds)
    if not found and first is not None:
        first.rows = [{}]  # a row of nothing, so that whoever compares columns sees that these are not the ones
        yield first


def _parts(table: Table, name: str, kinds: dict[str, str]) -> Iterator[Part]:
    from chengyun.collect.pull.formats import LINE

    told = 0
    for batch in table.batches:
        for start in range(0, batch.num_rows, ROWS):
            rows = batch.slice(start, ROWS).to_pylist()
            lines = [row.pop(LINE, None) or 0 for row in rows]
            part = Part(table.name, rows, kinds, (lines[0], lines[-1]))
            part.aside, told = _faults(table, name, told)
            yield part
    aside, told = _faults(table, name, told)
    yield Part(table.name, [], kinds, aside=aside)


def _faults(table: Table, name: str, told: int) -> tuple[list[SetAside], int]:
    faults = table.faults
    aside = [
        SetAside(
            fault.code, f"{name}: {fault.sentence}",
            {"file": name, "table": fault.table, "line": fault.line, "column": fault.column, "found": fault.found},
        )
        for fault in faults[told:]
    ]  # fmt: skip
    return aside, len(faults)


def _skip(table: Table) -> None:
    for _ in table.batches:  # a reader gives the next table only after this one was taken
        pass
