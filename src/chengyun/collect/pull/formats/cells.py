# SPDX-License-Identifier: Apache-2.0
"""Cells to values: what a person wrote in a column of a declared kind, or a fault that says why not.

Each distinct text of a batch is read once, and clean numbers by Arrow, so that a million rows take seconds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from chengyun.collect.pull.formats.grid import Cell
from chengyun.collect.pull.formats.shape import ColumnShape, folded
from chengyun.errors import nearest
from chengyun.standards.chinese_dates import from_serial, read_clock, read_day, read_moment, read_month
from chengyun.standards.chinese_numbers import half_width, read_amount
from chengyun.standards.conversion import Conversion, conversion

__all__ = ["MISSING", "ARROW", "Bad", "ColumnReader", "Read"]

MISSING = frozenset({
    "", "-", "--", "---", "—", "——", "–", "/", "//", "\\", "*", "**", "…", "……", "_", "无", "暂无", "无数据", "缺", "缺测", "空",
    "未测", "未监测", "无记录", "不详", "na", "n/a", "nan", "none", "null", "nil", "#n/a", "(空)", "(null)",
})  # fmt: skip
"""How people write that there is no value, in half-width and lower case. Unknown is never zero."""

ARROW: dict[str, pa.DataType] = {
    "number": pa.float64(), "integer": pa.int64(), "text": pa.string(), "code": pa.string(), "day": pa.date32(),
    "month": pa.date32(), "moment": pa.timestamp("us", tz="UTC"), "clock": pa.time64("us"), "flag": pa.bool_(),
    "geometry": pa.binary(),
}  # fmt: skip

SERIAL_DAYS = (18_263.0, 80_000.0)
"""1950 to 2119: a number outside is no day that a department reports, however a spreadsheet could show it."""

_CLEAN = r"^[+-]?\d{1,15}(?:\.\d{0,12})?$"
_YES = frozenset({"是", "有", "√", "✓", "y", "yes", "true", "t", "1", "对", "在线", "开"})
_NO = frozenset({"否", "无", "没有", "×", "✗", "x", "n", "no", "false", "f", "0", "错", "离线", "关"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BY_ORDER = {
    "dmy": re.compile(r"(?P<d>\d{1,2})[-/.](?P<m>\d{1,2})[-/.](?P<y>\d{4}|\d{2})(?!\d)"),
    "mdy": re.compile(r"(?P<m>\d{1,2})[-/.](?P<d>\d{1,2})[-/.](?P<y>\d{4}|\d{2})(?!\d)"),
}

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Bad(NamedTuple):
    """Why a cell does not fit, without its place."""

    code: str
    found: str
    expected: str
    mend: str = ""


class Read(NamedTuple):
    """A column of a batch. bad: row in the batch → why. marks: of a column with `detection`, else None."""

    values: pa.Array
    bad: dict[int, Bad]
    missing: Bools
    marks: pa.Array | None


@dataclass(frozen=True, slots=True)
class _Said:
    """What one text stands for: a value, nothing, or a fault."""

    value: Any = None
    mark: str | None = None
    bad: Bad | None = None


class ColumnReader:
    """Reads the cells of one column of a file, batch by batch.

    unit: what the heading or sheet says the numbers are in; "": the shape's. Raises ValueError when that cannot be converted.
    """

    def __init__(self, shape: ColumnShape, *, unit: str, zone: str, epoch: int) -> None:
        self.shape = shape
        self.zone = ZoneInfo(zone)
        self.epoch = epoch
        self._unit = unit
        self._convert = conversion(unit, shape.unit) if unit and shape.unit else conversion("1", "1")
        self._codes = {folded(written): code for written, code in (shape.codes or {}).items()}
        self._codes |= {folded(code): code for code in (shape.codes or {}).values() if folded(code) not in self._codes}
        self._pattern = re.compile(shape.pattern) if shape.pattern else None
        readers: dict[str, Callable[[str], _Said]] = {
            "number": self._number, "integer": self._number, "text": self._text, "code": self._code, "day": self._day,
            "month": self._month, "moment": self._moment, "clock": self._clock, "flag": self._flag,
        }  # fmt: skip
        # Times and names come again in every batch; a bound keeps a column that never repeats from filling memory.
        self._said = lru_cache(maxsize=50_000)(readers[shape.kind])
        self._native_said = lru_cache(maxsize=50_000)(self._native)

    def read(self, cells: Sequence[Cell]) -> Read:
        """Return the values of a batch's cells."""
        kinds = set(map(type, cells))
        if kinds <= {str, type(None)}:
            return self._of_texts(cells)
        if self.shape.kind in ("number", "integer"):
            return self._of_numbers(cells)
        return self._of_mixed(cells)

    # Each kind of cell: a workbook's numbers, texts, and a mixture of anything.

    def _of_numbers(self, cells: Sequence[Cell]) -> Read:
        """Read a workbook's column of numbers: nearly all are, and each of the others is looked at by itself."""
        numbers = np.array([it if type(it) is float else np.nan for it in cells])
        values = _converted(numbers, self._convert)
        missing = np.zeros(len(cells), dtype=np.bool_)
        marks: list[str | None] = [None] * len(cells)
        bad: dict[int, Bad] = {}
        for row in np.flatnonzero(np.isnan(numbers)).tolist():
            cell = cells[row]
            said = self._said(cell or "") if isinstance(cell, str | None) else self._native_said(cell)
            if said.bad is not None:
                bad[row] = said.bad
            elif said.value is not None:
                values[row] = said.value
            missing[row] = said.value is None and said.bad is None and said.mark is None
            marks[row] = said.mark
        bad |= self._beyond(values, lambda row: str(cells[row]) if isinstance(cells[row], str) else f"{cells[row]:g}")
        return self._numbers(values, bad, missing, pa.array(marks, pa.string()) if self.shape.detection else None)

    def _of_texts(self, cells: Sequence[Cell]) -> Read:
        coded = pa.array(cells, pa.string()).fill_null("").dictionary_encode()
        places = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        if self.shape.kind in ("number", "integer"):
            return self._numbers_of_texts(coded.dictionary, places)
        said = [self._said(text) for text in coded.dictionary.to_pylist()]
        return self._spread(said, places)

    def _numbers_of_texts(self, texts: pa.Array, places: Ints) -> Read:
        trimmed = pc.utf8_trim_whitespace(texts)
        clean = pc.match_substring_regex(trimmed, _CLEAN).to_numpy(zero_copy_only=False)
        numbers = np.full(len(texts), np.nan)
        numbers[clean] = trimmed.filter(pa.array(clean)).cast(pa.float64()).to_numpy(zero_copy_only=False)
        values = _converted(numbers, self._convert)
        missing = np.zeros(len(texts), dtype=np.bool_)
        marks: list[str | None] = [None] * len(texts)
        faulty: dict[int, Bad] = {}
        for index in np.flatnonzero(~clean).tolist():
            said = self._said(texts[index].as_py())
            if said.bad is not None:
                faulty[index] = said.bad
            elif said.value is not None:
                values[index] = said.value
            else:
                missing[index] = said.mark is None
            marks[index] = said.mark
        faulty |= self._beyond(values, lambda index: str(texts[index]).strip())
        for index in faulty:
            values[index] = np.nan
        bad = _spread_faults(faulty, places, len(texts))
        marked = pa.array(marks, pa.string()).take(pa.array(places)) if self.shape.detection else None
        return self._numbers(values[places], bad, missing[places], marked)

    def _of_mixed(self, cells: Sequence[Cell]) -> Read:
        distinct: dict[tuple[type, Cell], int] = {}
        places = np.fromiter(
            (distinct.setdefault((type(it), it), len(distinct)) for it in cells), dtype=np.int64, count=len(cells)
        )
        said = [self._said(it or "") if isinstance(it, str | None) else self._native_said(it) for _kind, it in distinct]
        return self._spread(said, places)

    def _spread(self, said: list[_Said], places: Ints) -> Read:
        """Return a batch from what its distinct cells stand for."""
        faulty = {index: it.bad for index, it in enumerate(said) if it.bad is not None}
        missing = np.array([it.value is None and it.bad is None and it.mark is None for it in said], dtype=np.bool_)
        bad = _spread_faults(faulty, places, len(said))
        values = pa.array([it.value for it in said], ARROW[self.shape.kind]).take(pa.array(places))
        return Read(values, bad, missing[places], None)

    def _numbers(self, values: NDArray[np.float64], bad: dict[int, Bad], missing: Bools, marks: pa.Array | None) -> Read:
        if bad:
            values[list(bad)] = np.nan
        unknown = np.isnan(values)
        if self.shape.kind == "integer":
            whole = np.where(unknown, 0, values).astype(np.int64)
            return Read(pa.array(whole, pa.int64(), mask=unknown), bad, missing, marks)
        return Read(pa.array(values, pa.float64(), mask=unknown), bad, missing, marks)

    def _beyond(self, values: NDArray[np.float64], written: Callable[[int], str]) -> dict[int, Bad]:
        """Return the numbers that cannot be real, or are not whole where whole ones are expected."""
        bad: dict[int, Bad] = {}
        unit = f" {self.shape.unit}" if self.shape.unit else ""
        if self.shape.valid is not None:
            low, high = self.shape.valid
            for row in np.flatnonzero((values < low) | (values > high)).tolist():
                bad[row] = Bad("range", f"{written(row)!s}", f"{low:g} to {high:g}{unit}", "Check the value and its unit")
        if self.shape.kind == "integer":
            for row in np.flatnonzero(~np.isnan(values) & ((values != np.floor(values)) | (np.abs(values) > 2**53))).tolist():
                bad.setdefault(row, Bad("whole", written(row), "a whole number"))
        return bad

    # Each kind of text.

    def _number(self, text: str) -> _Said:
        bare = half_width(text)
        if bare.lower() in MISSING:
            return _Said()
        if damaged := _damaged(text):
            return _Said(bad=damaged)
        try:
            amount = read_amount(bare)
        except ValueError:
            return _Said(bad=Bad("number", repr(text[:40]), "a number", "Write digits alone, or a dash for no value"))
        if amount.mark:
            if self.shape.detection:
                return _Said(mark=half_width(text)[:40])
            return _Said(
                bad=Bad(
                    "bound", repr(text[:40]), "a number, not a bound", "Declare the column with detection to keep such values"
                )
            )
        if amount.value is None:
            return _Said(bad=Bad("number", repr(text[:40]), "a number"))
        if amount.unit and not self.shape.unit:
            return _Said(bad=Bad("unit", repr(text[:40]), "a number without a unit", "Write the unit in the heading"))
        convert = self._convert
        if amount.unit:
            try:
                convert = conversion(amount.unit, self.shape.unit)
            except ValueError as wrong:
                return _Said(bad=Bad("unit", repr(text[:40]), f"a number in {self.shape.unit}", f"{wrong}"))
        return _Said(value=float(convert(amount.value)))

    def _text(self, text: str) -> _Said:
        bare = text.strip(" \t\r\n\u3000\ufeff")
        if not bare or (bare.lower() in MISSING and len(bare) <= 2 and not bare.isalnum()):
            return _Said()
        if damaged := _damaged(bare):
            return _Said(bad=damaged)
        if bare[0] in "=@" and len(bare) > 1:
            return _Said(
                bad=Bad(
                    "formula",
                    repr(bare[:40]),
                    "a text",
                    "A formula as text is not kept: it would run in whoever's spreadsheet opens it",
                )
            )
        if len(bare) > self.shape.longest:
            return _Said(bad=Bad("longest", f"{len(bare):,} characters", f"at most {self.shape.longest:,}"))
        if self._pattern is not None and not self._pattern.fullmatch(bare):
            return _Said(bad=Bad("pattern", repr(bare[:40]), f"a text of the form {self.shape.pattern}"))
        return _Said(value=bare)

    def _code(self, text: str) -> _Said:
        bare = half_width(text)
        code = self._codes.get(folded(bare))
        if code is not None:
            return _Said(value=code)
        if bare.lower() in MISSING:
            return _Said()
        if damaged := _damaged(text):
            return _Said(bad=damaged)
        written = list(self.shape.codes or ())
        some = ", ".join(written[:8]) + (" …" if len(written) > 8 else "")
        return _Said(bad=Bad("code", repr(text[:40]), f"one of {some}", nearest(bare, written).strip().rstrip(".")))

    def _flag(self, text: str) -> _Said:
        bare = half_width(text).lower()
        if bare in _YES or bare in _NO:
            return _Said(value=bare in _YES)
        return _Said() if bare in MISSING else _Said(bad=Bad("flag", repr(text[:40]), "是 or 否"))

    def _day(self, text: str) -> _Said:
        return self._time(text, "day", lambda bare: read_day(self._ordered(bare)))

    def _month(self, text: str) -> _Said:
        return self._time(text, "month", read_month)

    def _clock(self, text: str) -> _Said:
        return self._time(text, "clock", read_clock)

    def _moment(self, text: str) -> _Said:
        return self._time(text, "moment", lambda bare: self._instant(read_moment(self._ordered(bare))))

    def _time(self, text: str, code: str, read: Callable[[str], Any]) -> _Said:
        bare = half_width(text)
        if bare.lower() in MISSING:
            return _Said()
        if damaged := _damaged(text):
            return _Said(bad=damaged)
        try:
            return _Said(value=read(bare))
        except ValueError as wrong:
            # A serial number that a workbook or export left as digits.
            if code in ("day", "moment") and re.fullmatch(r"\d{5}(?:\.\d+)?", bare):
                return self._native(float(bare))
            said, _, expected = str(wrong).partition("; expected ")
            mend = "" if expected else said.partition(": ")[2].capitalize()
            return _Said(bad=Bad(code, repr(text[:40]), expected or _WANTED[code], mend))

    def _ordered(self, bare: str) -> str:
        """Return a day written in the source's own order with its year first."""
        pattern = _BY_ORDER.get(self.shape.order)
        if pattern is None or (found := pattern.match(bare)) is None:
            return bare
        year = found["y"] if len(found["y"]) == 4 else f"20{found['y']}"
        rest = bare[found.end() :].strip()
        rest = f" {rest}:00" if re.fullmatch(r"\d{1,2}", rest) else f" {rest}" if rest else ""
        return f"{year}-{found['m']}-{found['d']}{rest}"

    def _instant(self, said: dt.datetime) -> dt.datetime:
        local = said if said.tzinfo is not None else said.replace(tzinfo=self.zone)
        instant = local.astimezone(dt.UTC)
        if said.tzinfo is None and instant.astimezone(self.zone).replace(tzinfo=None) != said:
            raise ValueError(
                f"{said} never was: the clocks of {self.zone} were put forward over it; expected a time with its offset"
            )
        return instant

    def _native(self, cell: Cell) -> _Said:
        """Return what a cell that is no text stands for."""
        kind = self.shape.kind
        if kind == "text" and not isinstance(cell, float | int):
            return _Said(value=str(cell))
        if isinstance(cell, bool):
            return _Said(value=cell) if kind == "flag" else _Said(bad=Bad(kind, str(cell).upper(), _WANTED[kind]))
        if isinstance(cell, float | int):
            return self._native_number(float(cell))
        if isinstance(cell, dt.datetime | dt.date):
            return self._native_date(cell)
        if isinstance(cell, dt.time) and kind == "clock":
            return _Said(value=cell)
        return _Said(bad=Bad(kind, str(cell)[:40], _WANTED[kind]))

    def _native_number(self, number: float) -> _Said:
        kind = self.shape.kind
        shown = f"{number:.15g}"
        match kind:
            case "number" | "integer":
                return _Said(value=float(_converted(np.array([number]), self._convert)[0]))
            case "day" | "moment" if SERIAL_DAYS[0] <= number <= SERIAL_DAYS[1]:
                moment = from_serial(number, self.epoch)
                if kind == "day" and moment.time() != dt.time():
                    return _Said(bad=Bad("day", shown, "a day; this serial number also says a time"))
                return _Said(value=moment.date() if kind == "day" else self._instant(moment))
            case "day" | "moment" | "month" | "code" | "text" | "flag" if number == int(number):
                return self._said(shown)
            case "clock" if 0 <= number < 1:
                return _Said(value=from_serial(SERIAL_DAYS[0] + number).time())
            case "text" | "code":
                return self._said(shown)
        return _Said(bad=Bad(kind, shown, _WANTED[kind]))

    def _native_date(self, cell: dt.datetime | dt.date) -> _Said:
        moment = cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())
        match self.shape.kind:
            case "moment":
                try:
                    return _Said(value=self._instant(moment))
                except ValueError as wrong:
                    return _Said(bad=Bad("moment", str(moment), str(wrong).rpartition("expected ")[2]))
            case "day" if moment.time() == dt.time():
                return _Said(value=moment.date())
            case "month":
                return _Said(value=moment.date().replace(day=1))
            case "clock" if isinstance(cell, dt.datetime):
                return _Said(value=moment.time())
        return _Said(bad=Bad(self.shape.kind, str(cell), _WANTED[self.shape.kind]))


def _converted(numbers: NDArray[np.float64], convert: Conversion) -> NDArray[np.float64]:
    """Return numbers in another unit; a whole factor or its inverse rounds but once."""
    if convert.same:
        return numbers.copy()
    shifted = numbers - float(convert.before) if convert.before else numbers
    scaled = shifted * float(convert.factor.numerator) / float(convert.factor.denominator)
    return scaled + float(convert.after) if convert.after else scaled


def _spread_faults(faulty: dict[int, Bad], places: Ints, distinct: int) -> dict[int, Bad]:
    if not faulty:
        return {}
    is_bad = np.zeros(distinct, dtype=np.bool_)
    is_bad[list(faulty)] = True
    return {row: faulty[int(places[row])] for row in np.flatnonzero(is_bad[places]).tolist()}


def _damaged(text: str) -> Bad | None:
    """Return why a text cannot have been meant so, whatever the column."""
    if "\ufffd" in text:
        return Bad("encoding", repr(text[:40]), "text in the file's encoding", "Bytes there are damaged; send the row again")
    if _CONTROL.search(text):
        return Bad("control", repr(text[:40]), "text without control characters")
    return None


_WANTED = {
    "number": "a number", "integer": "a whole number", "day": "a day such as 2016-07-04", "month": "a month such as 2016-07",
    "moment": "a time such as 2016-07-04 15:00", "clock": "a time of day such as 15:30", "flag": "是 or 否", "text": "a text",
    "code": "a word of its list",
}  # fmt: skip
