# SPDX-License-Identifier: Apache-2.0
"""Workbooks: xlsx, xlsm, xlsb and xls, by calamine. Formulas give the values they were saved with; macros never run.

Calamine holds a sheet whole, as a rectangle from its first to its last cell, so that a file of 5 kB with two cells in opposite
corners would take half a terabyte, and the process. What is packed in the file is looked through first: its size, how far its
cells reach, and the formulas that came to an error, which calamine gives as empty cells. What is no XML is opened by another
process first (holding.py).
"""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from chengyun.collect.pull.formats.archives import CHUNK, is_zip, open_member, open_zip
from chengyun.collect.pull.formats.grid import Cell, Grid
from chengyun.collect.pull.formats.holding import hold
from chengyun.collect.pull.formats.options import Options
from chengyun.errors import Malformed, Refused, nearest

__all__ = ["read_workbook"]

_WIDE = re.compile(rb'r="([A-Z]{2,3})\d')
_CELL_ROW = re.compile(rb'r="[A-Z]{1,3}(\d{1,7})"')
_ERROR = re.compile(rb'<(?:\w+:)?c\s(?=[^>]*\bt="e")(?=[^>]*\br="([A-Z]{1,3})(\d+)")[^>]*>.*?<(?:\w+:)?v>(#[^<]{1,20})</')
_ROW = re.compile(rb'<(?:\w+:)?row\s(?:[^>]*?\s)?r="(\d+)"')
_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^>]*>")
_EDGE = 512
BINARY_BOOK = "xl/workbook.bin"
"""What an xlsb has and an xlsx has not."""
MOST_ERRORS = 100_000
SHEET_ROWS, SHEET_COLUMNS = 1_048_576, 16_384


@dataclass(slots=True)
class _Reach:
    """How far a sheet's cells go, and the formulas that came to an error."""

    rows: int = 0
    columns: int = 26
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def read_workbook(file: BinaryIO, name: str, options: Options) -> Iterator[Grid]:
    """Yield a grid for every sheet that holds cells. Raises Malformed for what cannot or must not be opened."""
    import python_calamine as calamine

    reaches: dict[str, _Reach] = {}
    epoch = options.epoch or 1900
    binary = not is_zip(file)
    if not binary:
        with open_zip(file, name, options.most_bytes) as archive:
            binary = BINARY_BOOK in archive.namelist()
            _bounded(archive, name, options)
            reaches, dated = _look_through(archive, name, options)
            epoch = options.epoch or dated
    if binary:
        hold(file, name)
    file.seek(0)
    with _sound(name):
        book = calamine.CalamineWorkbook.from_filelike(file)
    with book:
        for sheet in _chosen(book, name, options):
            yield _grid(book, sheet, name, reaches.get(sheet, _Reach()), epoch)


@contextlib.contextmanager
def _sound(what: str) -> Iterator[None]:
    """Turn what calamine makes of a broken file into a sentence."""
    import python_calamine as calamine

    try:
        yield
    except calamine.PasswordError:
        raise Malformed(f"{what} needs a password. Send it without.", code="password", file=what) from None
    except (calamine.CalamineError, OSError) as wrong:
        raise Malformed(f"{what} cannot be read: {wrong}. Save it again as .xlsx.", code="workbook", file=what) from wrong
    except BaseException as wrong:
        # Rust's panics come as an exception that is none of Exception's and has no name one could import.
        if type(wrong).__name__ != "PanicException":
            raise
        raise Malformed(
            f"{what} cannot be read: its parts contradict each other. Save it again as .xlsx.", code="workbook", file=what
        ) from None


def _chosen(book: Any, name: str, options: Options) -> list[str]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    kept = [it for it in book.sheets_metadata if it.typ == SheetTypeEnum.WorkSheet]
    if options.sheet is not None:
        names = [it.name for it in kept]
        if options.sheet not in names:
            raise Refused(
                f"{name} has no sheet {options.sheet!r}.{nearest(options.sheet, names)} Sheets: {', '.join(names)}.", code="sheet"
            )
        return [options.sheet]
    return [it.name for it in kept if options.hidden or it.visible == SheetVisibleEnum.Visible]


def _grid(book: Any, sheet: str, name: str, reach: _Reach, epoch: int) -> Grid:
    with _sound(f"{name}, {sheet}"):
        opened = book.get_sheet_by_name(sheet)
    merges = [(top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in opened.merged_cell_ranges or ()]
    left = opened.start[1] if opened.start else 0
    return Grid(sheet, _rows(opened, left), lettered=True, steady=True, merges=merges, epoch=epoch, errors=reach.errors)


def _rows(sheet: Any, left: int) -> Iterator[tuple[int, list[Cell]]]:
    # Rows come from the sheet's first on, columns from the first that is used.
    pad: list[Cell] = [""] * left
    for line, row in enumerate(sheet.iter_rows(), 1):
        yield line, pad + row if left else row


def _bounded(archive: zipfile.ZipFile, name: str, options: Options) -> None:
    """Refuse an xlsb whose cells could reach far: its records tell their rows only when all are read."""
    for member in archive.infolist():
        if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".bin"):
            rows, columns = _reach_of_records(archive.read(member) if member.file_size <= options.most_bytes else b"")
            _hold(name, member.filename, rows, columns, options)


def _look_through(archive: zipfile.ZipFile, name: str, options: Options) -> tuple[dict[str, _Reach], int]:
    """Return what each sheet of an xlsx holds, by its name, and the epoch of the workbook's dates."""
    parts, epoch = _sheets(archive)
    reaches: dict[str, _Reach] = {}
    for sheet, part in parts.items():
        if part in archive.namelist() and part.endswith(".xml"):
            reaches[sheet] = reach = _reach(archive, part, name)
            _hold(name, sheet, reach.rows, reach.columns, options)
    return reaches, epoch


def _hold(name: str, sheet: str, rows: int, columns: int, options: Options) -> None:
    if rows > SHEET_ROWS or columns > SHEET_COLUMNS or rows * columns > options.most_cells:
        raise Malformed(
            f"{name}, {sheet}: its cells reach to row {rows:,} and column {columns:,}, {rows * columns:,} cells; "
            f"expected at most {options.most_cells:,}. Delete what stands far out, or split the sheet.",
            code="too_large", file=name,
        )  # fmt: skip


def _reach(archive: zipfile.ZipFile, part: str, name: str) -> _Reach:
    reach = _Reach()
    rest = b""
    with open_member(archive, part, name) as opened:
        while chunk := opened.read(CHUNK):
            text = rest + chunk
            cut = text.rfind(b"<")
            # A row's tag says how far down; a column beyond Z is rare, so that most sheets cost one search for two letters.
            text, rest = (text[:cut], text[cut:]) if cut > 0 else (text, b"")
            _search(text, reach)
            if b't="e"' in text and len(reach.errors) < MOST_ERRORS:
                for found in _ERROR.finditer(text + rest[:_EDGE]):
                    reach.errors[int(found[2]), _column(found[1])] = found[3].decode("utf-8", "replace")
            if len(rest) > CHUNK:
                raise Malformed(f"{name}: {part} in it is not XML of a sheet.", code="workbook", file=name)
    return reach


def _search(text: bytes, reach: _Reach) -> None:
    rows = _ROW.findall(text)
    if rows:
        reach.rows = max(reach.rows, max(map(int, rows)))
    elif not reach.rows:
        reach.rows = 1
    if wide := set(_WIDE.findall(text)):
        reach.columns = max(reach.columns, *(_column(it) + 1 for it in wide))
        # A cell may claim another row than the tag it stands in.
        reach.rows = max(reach.rows, *map(int, _CELL_ROW.findall(text)))


def _column(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number - 1


def _sheets(archive: zipfile.ZipFile) -> tuple[dict[str, str], int]:
    """Return sheet → part of the archive, and the epoch."""
    from html import unescape

    try:
        book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
        relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    except KeyError:
        return {}, 1900
    targets = {}
    for tag in _RELATION.findall(relations):
        if (key := _attribute(tag, "Id")) and (target := _attribute(tag, "Target")):
            targets[key] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    sheets = {unescape(_attribute(tag, "name")): targets.get(_attribute(tag, r"\w+:id"), "") for tag in _SHEET.findall(book)}
    return sheets, 1904 if re.search(r'date1904="(?:1|true)"', book) else 1900


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"""\s{name}=(["'])(.*?)\1""", tag)
    return found[2] if found else ""


def _reach_of_records(data: bytes) -> tuple[int, int]:
    """Return how many rows and columns the records of a binary sheet reach. Standard: [MS-XLSB] 2.1.4, BrtRowHdr and cells."""
    rows = columns = at = 0
    while at < len(data):
        kind, at = _varied(data, at, 2)
        size, at = _varied(data, at, 4)
        if kind == 0 and size >= 4:
            rows = max(rows, int.from_bytes(data[at : at + 4], "little") + 1)
        elif 1 <= kind <= 11 and size >= 4:
            columns = max(columns, int.from_bytes(data[at : at + 4], "little") + 1)
        at += size
    return rows, columns


def _varied(data: bytes, at: int, most: int) -> tuple[int, int]:
    value = 0
    for place in range(most):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return value, at
