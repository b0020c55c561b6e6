# SPDX-License-Identifier: Apache-2.0
"""A grid of cells to a table of typed columns: the head found, records told from sums and notes, every cell read or reported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from chengyun.collect.pull.formats.cells import ARROW, ColumnReader
from chengyun.collect.pull.formats.grid import Cell, Grid
from chengyun.collect.pull.formats.infer import infer
from chengyun.collect.pull.formats.layout import Head, Row, find_head, is_note, is_sum
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.shape import ColumnShape, folded
from chengyun.collect.pull.formats.tables import LINE, Aside, Column, Fault, Findings, Table
from chengyun.errors import nearest

__all__ = ["tabulate"]

LABEL_COLUMNS = 3
"""A sum says so in one of the first columns."""


def tabulate(grid: Grid, options: Options) -> Table:
    """Return the table of a grid. Its batches are read as they are taken."""
    findings = Findings(options.most_faults)
    head, rows = find_head(grid, options.shape)
    findings.asides.extend(head.asides)
    first = list(islice(rows, options.rows))
    plan = _plan(grid, head, [cells for _line, cells in first], options, findings)
    explained = list(head.matched.explained) if head.matched else []
    if not head.first:
        explained.insert(0, "No row of headings was found; columns are named by their place.")
    missing = head.matched.missing if head.matched else ()
    columns: list[Column] = []
    for _index, shape, _reader in plan:
        index = _index
        columns.append(Column(shape.key, shape.kind, shape.unit, head.headings[index].written))
        if shape.detection:
            columns.append(Column(f"{shape.key}__mark", "text"))
    unknown = tuple(head.headings[index].name for index in head.matched.unknown) if head.matched else ()
    reading = _Reading(grid, head, plan, options, findings)
    lacking = [it.key for it in options.shape.columns if it.required and it.key in missing] if options.shape else []
    for key in lacking:
        _lacks(grid, head, key, options, findings)
    batches = iter(()) if lacking else reading.batches(first, rows)
    return Table(grid.name, tuple(columns), batches, findings, tuple(explained), unknown, tuple(missing))


Plan = list[tuple[int, ColumnShape, ColumnReader]]
"""Index of the file's column, what it holds, and who reads it."""


def _plan(grid: Grid, head: Head, sample: list[list[Cell]], options: Options, findings: Findings) -> Plan:
    plan: Plan = []

    def add(index: int, shape: ColumnShape) -> None:
        unit = ""
        if shape.kind in ("number", "integer"):
            unit = head.headings[index].unit or (head.unit if shape.unit else "") or options.unit
        try:
            reader = ColumnReader(shape, unit=unit, zone=options.zone, epoch=grid.epoch)
        except ValueError as wrong:
            at, written = grid.address(head.last, index), head.headings[index].written
            wanted = f"a unit that gives {shape.unit}"
            findings.add(Fault("heading_unit", grid.name, head.last, written, at, repr(unit), wanted, str(wrong)))
            return
        plan.append((index, shape, reader))

    if options.shape is not None and head.matched is not None:
        for column in options.shape.columns:
            if column.key in head.matched.places:
                add(head.matched.places[column.key], column)
        taken = {column.key for column in options.shape.columns}
        for index in () if options.shape.strict else head.matched.unknown:
            key = head.headings[index].name
            add(index, ColumnShape(key=key if key not in taken else f"{key}_2"))
        return plan
    for index, heading in enumerate(head.headings):
        cells = [row[index] if index < len(row) else "" for row in sample[:2000]]
        if heading.written or any(it not in ("", None) for it in cells):
            add(index, infer(heading.name, cells, heading.unit or head.unit))
    return plan


def _lacks(grid: Grid, head: Head, key: str, options: Options, findings: Findings) -> None:
    assert options.shape is not None  # asked only with one
    column = next(it for it in options.shape.columns if it.key == key)
    names = [it.name for it in head.headings if it.written]
    hints = [nearest(name, names).strip() for name in (*column.names, key)]
    hint = next(filter(None, hints), "") or "Add the heading to the names of the column, or mend the file"
    at, found = f"line {head.last}" if head.last else "", f"headings {', '.join(names)[:200] or 'none'}"
    findings.add(Fault("no_column", grid.name, head.last, key, at, found, f"one of {', '.join((*column.names, key))}", hint))


class _Reading:
    """Reads the rows below a head into batches."""

    def __init__(self, grid: Grid, head: Head, plan: Plan, options: Options, findings: Findings) -> None:
        self.grid = grid
        self.plan = plan
        self.size = options.rows
        self.findings = findings
        self.width = len(head.headings)
        self._heading = [folded(it.written.split("/")[-1]) for it in head.headings]
        self.schema = pa.schema(
            [
                field
                for _index, shape, _reader in plan
                for field in (
                    pa.field(shape.key, ARROW[shape.kind]),
                    *([pa.field(f"{shape.key}__mark", pa.string())] if shape.detection else []),
                )
            ]
            + [pa.field(LINE, pa.int64())]
        )

    def batches(self, first: list[Row], rows: Iterator[Row]) -> Iterator[pa.RecordBatch]:
        part = first
        while part:
            if (batch := self._batch(part)).num_rows:
                yield batch
            part = list(islice(rows, self.size))
        for fault in self.grid.faults:
            self.findings.add(fault)

    def _batch(self, part: list[Row]) -> pa.RecordBatch:
        lines = [line for line, _cells in part]
        rows = self._even(lines, [cells for _line, cells in part])
        columns: list[Sequence[Cell]] = list(zip(*rows, strict=True)) if rows else [() for _ in range(self.width)]
        blank = [_blanks(column) for column in columns]
        keep = self._records(lines, columns, blank)
        if not keep.all():
            rows = [row for row, kept in zip(rows, keep.tolist(), strict=True) if kept]
            lines = [line for line, kept in zip(lines, keep.tolist(), strict=True) if kept]
            columns = list(zip(*rows, strict=True)) if rows else [() for _ in range(self.width)]
        return self._read(lines, columns)

    def _even(self, lines: list[int], rows: list[list[Cell]]) -> list[list[Cell]]:
        """Return the rows, each as wide as the head; those with more or fewer fields are reported and leave `lines` too."""
        if self.grid.steady:
            # Cells right of the last heading belong to no column.
            return [row[: self.width] if len(row) >= self.width else row + [""] * (self.width - len(row)) for row in rows]
        if set(map(len, rows)) <= {self.width}:
            return rows
        even: list[list[Cell]] = []
        kept: list[int] = []
        for line, row in zip(lines, rows, strict=True):
            count = len(row)
            if count > self.width and not any(row[self.width :]):
                row, count = row[: self.width], self.width
            if count == self.width:
                even.append(row)
                kept.append(line)
            elif not any(row):
                continue
            elif count < self.width and (is_note(str(row[0])) or (count == 1 and len(str(row[0])) > 20)):
                self.findings.leave_out(Aside(line, "note", " ".join(str(it) for it in row if it)[:200]))
            else:
                self.findings.withheld += 1
                self.findings.add(
                    Fault(
                        "fields", self.grid.name, line, "", f"line {line}", f"{count} fields", f"{self.width}, as headings",
                        "A delimiter is missing or too many: put text with one into quotation marks",
                    )
                )  # fmt: skip
        lines[:] = kept
        return even

    def _records(self, lines: list[int], columns: list[Sequence[Cell]], blank: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Say which rows are records, and note the sums, notes and repeated headings among the others."""
        keep = np.ones(len(lines), dtype=np.bool_)
        if not len(lines):
            return keep
        filled = len(blank) - np.sum(blank, axis=0)
        keep[filled == 0] = False
        found: dict[int, tuple[str, str]] = {}
        for column in columns[:LABEL_COLUMNS]:
            labels = {cell for cell in set(column) if isinstance(cell, str) and cell}
            sums = {cell for cell in labels if is_sum(cell)}
            notes = {cell for cell in labels if is_note(cell)}
            if sums or notes:
                for row, cell in enumerate(column):
                    if cell in sums:
                        found.setdefault(row, ("sum", str(cell)))
                    elif cell in notes and filled[row] <= 2:
                        found.setdefault(row, ("note", str(cell)))
        for row in np.flatnonzero(filled == 1).tolist() if self.width > 2 else ():
            text = next(str(column[row]) for column in columns if column[row] not in ("", None))
            if len(text) > 20:
                found.setdefault(row, ("note", text))
        heading = self._heading[0]
        for row, cell in enumerate(columns[0]):
            if isinstance(cell, str) and cell[:1] and folded(cell) == heading and self._repeats(columns, row):
                found.setdefault(row, ("heading", str(cell)))
        for row in sorted(found):
            if keep[row]:
                keep[row] = False
                kind, text = found[row]
                self.findings.leave_out(Aside(lines[row], kind, text.strip()[:200]))  # type: ignore[arg-type]  # one of its words
        return keep

    def _repeats(self, columns: list[Sequence[Cell]], row: int) -> bool:
        same = [folded(str(column[row])) == heading for column, heading in zip(columns, self._heading, strict=True) if heading]
        return sum(same) >= max(2, 0.6 * len(same))

    def _read(self, lines: list[int], columns: list[Sequence[Cell]]) -> pa.RecordBatch:
        arrays: list[pa.Array] = []
        out = np.zeros(len(lines), dtype=np.bool_)
        for index, shape, reader in self.plan:
            cells = columns[index] if index < len(columns) else [""] * len(lines)
            read = reader.read(cells)
            arrays.append(read.values)
            if shape.detection:
                arrays.append(read.marks)
            missing = read.missing
            for row, bad in sorted(read.bad.items()):
                self._report(lines[row], index, shape, bad.code, bad.found, bad.expected, bad.mend)
                out[row] |= shape.required
            if self.grid.errors:
                missing = self._errors(lines, index, shape, missing, out)
            if shape.required and missing.any():
                for row in np.flatnonzero(missing).tolist():
                    self._report(lines[row], index, shape, "required", _found(cells[row]), "a value in every row", "")
                out |= missing
        batch = pa.RecordBatch.from_arrays([*arrays, pa.array(lines, pa.int64())], schema=self.schema)
        if out.any():
            self.findings.withheld += int(out.sum())
            batch = batch.filter(pa.array(~out))
        self.findings.rows += batch.num_rows
        return batch

    def _errors(
        self, lines: list[int], index: int, shape: ColumnShape, missing: NDArray[np.bool_], out: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Report formulas that came to an error, which are empty cells otherwise."""
        rows = [row for row, line in enumerate(lines) if (line, index) in self.grid.errors]
        missing = missing.copy()
        for row in rows:
            self._report(lines[row], index, shape, "error", self.grid.errors[lines[row], index], "a value", "Mend the formula")
            missing[row] = False
            out[row] |= shape.required
        return missing

    def _report(self, line: int, index: int, shape: ColumnShape, code: str, found: str, expected: str, mend: str) -> None:
        address = self.grid.address(line, index)
        self.findings.add(Fault(code, self.grid.name, line, shape.key, address, found, expected, mend))


def _found(cell: Cell) -> str:
    return "nothing" if cell in ("", None) else repr(str(cell)[:40])


def _blanks(column: Sequence[Cell]) -> NDArray[np.bool_]:
    if isinstance(column[0], dt.datetime) if column else False:
        return np.fromiter((cell is None or cell == "" for cell in column), dtype=np.bool_, count=len(column))
    return np.fromiter(
        (cell is None or cell == "" or (isinstance(cell, str) and cell.isspace()) for cell in column),
        dtype=np.bool_,
        count=len(column),
    )
