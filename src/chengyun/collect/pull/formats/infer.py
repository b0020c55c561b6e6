# SPDX-License-Identifier: Apache-2.0
"""What a column of a file nobody declared holds, told from its first rows. Doubt makes it text."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Sequence

from chengyun.collect.pull.formats.cells import MISSING
from chengyun.collect.pull.formats.grid import Cell
from chengyun.collect.pull.formats.shape import ColumnShape
from chengyun.collect.pull.formats.tables import Kind
from chengyun.standards.chinese_dates import read_day, read_moment
from chengyun.standards.chinese_numbers import half_width, read_amount
from chengyun.standards.conversion import find_unit

__all__ = ["infer"]

MOST = 0.9
"""So much of the filled cells must fit; the others are then faults."""
LONGEST_NUMBER = 15
"""Digits. Longer ones are codes: identity and credit codes have 18."""


def infer(name: str, cells: Sequence[Cell], unit: str = "") -> ColumnShape:
    """Return the shape of a column. unit: what its heading says, kept as its unit."""
    kinds = [_kind(cell) for cell in cells if not _missing(cell)]
    kind: Kind = "text"
    for wanted in ("number", "day", "moment"):
        fitting = sum(it == wanted or (wanted == "moment" and it == "day") for it in kinds)
        if kinds and fitting >= MOST * len(kinds):
            kind = wanted
            break
    if kind != "number":
        return ColumnShape(key=name, kind=kind)
    return ColumnShape(key=name, kind=kind, unit=find_unit(unit) or _unit_of(cells))


def _unit_of(cells: Sequence[Cell]) -> str:
    """Return the unit written behind the numbers themselves, when it is one and the same."""
    units = set()
    for cell in cells:
        if isinstance(cell, str) and not _missing(cell):
            with contextlib.suppress(ValueError):
                units.add(read_amount(cell).unit)
    return find_unit(units.pop()) or "" if len(units) == 1 else ""


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and half_width(cell).lower() in MISSING)


def _kind(cell: Cell) -> Kind:
    if isinstance(cell, bool):
        return "text"
    if isinstance(cell, float | int):
        return "number"
    if isinstance(cell, dt.datetime):
        return "moment" if cell.time() != dt.time() else "day"
    if isinstance(cell, dt.date):
        return "day"
    return _kind_of_text(half_width(cell)) if isinstance(cell, str) else "text"


def _kind_of_text(text: str) -> Kind:
    # 0571 and 330203 with more digits than a quantity has are codes; so is what only numerals write.
    if re.fullmatch(r"[+-]?(?:0\d+|\d{16,})", text):
        return "text"
    try:
        amount = read_amount(text)
        if (
            any(it.isdigit() for it in text)
            and (not amount.unit or find_unit(amount.unit))
            and sum(it.isdigit() for it in text) <= LONGEST_NUMBER
        ):
            return "number"
    except ValueError:
        pass
    for kind, read in (("day", read_day), ("moment", read_moment)):
        try:
            read(text)
        except ValueError:
            continue
        return kind  # type: ignore[return-value]  # one of its words
    return "text"
