# SPDX-License-Identifier: Apache-2.0
"""Which column means what: declared once, matched to the headings of every file, with the reason said."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.collect.pull.formats.tables import Kind
from chengyun.errors import Refused, nearest
from chengyun.standards.chinese_numbers import half_width
from chengyun.standards.conversion import find_unit

__all__ = ["ColumnShape", "Heading", "Match", "TableShape", "match", "read_heading"]

_KINDS = ("number", "integer", "text", "code", "day", "month", "moment", "clock", "flag")
_IN_BRACKETS = re.compile(r"[(\[【〔](?P<unit>[^()\[\]【】〔〕]{1,20})[)\]】〕]\s*$")
_AFTER_STROKE = re.compile(r"(?P<name>.*[^\s/])\s*/\s*(?P<unit>[^/()]{1,12}(?:/[^/()]{1,6})?)$")
_SPACE = re.compile(r"[\s_*＊:：]+")


@dataclass(frozen=True, kw_only=True)
class ColumnShape:
    """What one column holds.

    names: headings that mean it, beside its key. unit: what its numbers are wanted in; other units of the kind are converted.
    codes: what is written → the code it stands for; anything else is a fault. valid: lowest and highest number that can be real.
    required: a row without it is withheld.
    detection: "<0.05" and 未检出 are kept, in a text column `<key>__mark` beside it, and the value itself is unknown.
    pattern: what a text must match whole. longest: of a text, in characters.
    order: of days written with numbers alone: "ymd", or "dmy" or "mdy" where a source is known to write so.
    """

    key: str
    kind: Kind = "text"
    names: Sequence[str] = ()
    unit: str = ""
    required: bool = False
    codes: Mapping[str, str] | None = None
    valid: tuple[float, float] | None = None
    detection: bool = False
    pattern: str | None = None
    longest: int = 2000
    order: str = "ymd"

    def __post_init__(self) -> None:
        where = f"Column {self.key!r} of a table's shape"
        if self.kind not in _KINDS:
            raise Refused(f"{where}: kind is {self.kind!r}, expected one of {', '.join(_KINDS)}.", code="shape")
        if self.detection and self.kind not in ("number", "integer"):
            raise Refused(f"{where}: detection is for numbers, and its kind is {self.kind}.", code="shape")
        if self.kind == "code" and not self.codes:
            raise Refused(f"{where}: a code needs its list; give codes, what is written → what it stands for.", code="shape")
        if self.order not in ("ymd", "dmy", "mdy"):
            raise Refused(f"{where}: order is {self.order!r}, expected ymd, dmy or mdy.", code="shape")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as wrong:
                raise Refused(f"{where}: pattern {self.pattern!r} is not a regular expression: {wrong}.", code="shape") from wrong


@dataclass(frozen=True, kw_only=True)
class TableShape:
    """What the columns of a table mean. Columns nothing is declared for are given as text, or left out when `strict`."""

    columns: Sequence[ColumnShape]
    strict: bool = False

    def __post_init__(self) -> None:
        keys = [column.key for column in self.columns]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise Refused(f"A table's shape declares {', '.join(twice)} twice.", code="shape")

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> TableShape:
        """Return the shape a form or file says: {"columns": [{"key": …, "kind": …}, …], "strict": …}. Raises Refused."""
        known = {it.name for it in dataclasses.fields(ColumnShape)}
        columns = []
        for column in said.get("columns", ()):
            if wrong := [name for name in column if name not in known]:
                raise Refused(f"A column's shape has no {wrong[0]!r}.{nearest(wrong[0], known)}", code="shape")
            if "key" not in column:
                raise Refused("A column's shape needs its key.", code="shape")
            valid = column.get("valid")
            columns.append(ColumnShape(**{**column, **({"valid": tuple(valid)} if valid is not None else {})}))
        return cls(columns=columns, strict=bool(said.get("strict", False)))


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading taken apart. name: without its unit. unit: as written in it; "" when there is none."""

    written: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Match:
    """Headings matched to a shape. places: key → index of the file's column."""

    places: Mapping[str, int]
    explained: tuple[str, ...]
    unknown: tuple[int, ...]
    missing: tuple[str, ...]


def read_heading(text: str) -> Heading:
    """Take a heading apart: `PM2.5 浓度（µg/m³）` is named `PM2.5 浓度` and is in µg/m³; `投资额/万元` is in 万元."""
    bare = " ".join(half_width(text).replace("\n", " ").split())
    if (found := _IN_BRACKETS.search(bare)) and (unit := _unit_in(found["unit"])):
        return Heading(text, bare[: found.start()].rstrip(" /:"), unit)
    if (found := _AFTER_STROKE.fullmatch(bare)) and find_unit(found["unit"]):
        return Heading(text, found["name"], found["unit"].strip())
    return Heading(text, bare, "")


def _unit_in(text: str) -> str:
    bare = re.sub(r"^单位\s*[:：]?\s*", "", text.strip())
    return bare if find_unit(bare) else ""


def folded(name: str) -> str:
    """Return the spelling by which headings are compared: width, case, spaces, stars and colons do not count."""
    return _SPACE.sub("", half_width(name)).casefold()


def match(shape: TableShape, headings: Sequence[Heading]) -> Match:
    """Find the column of every declaration: by its whole heading, else by the last part of a heading of two levels."""
    whole: dict[str, int] = {}
    last: dict[str, list[int]] = {}
    for index, heading in enumerate(headings):
        whole.setdefault(folded(heading.name), index)
        whole.setdefault(folded(heading.written), index)
        last.setdefault(folded(read_heading(heading.name.split("/")[-1]).name), []).append(index)
    places: dict[str, int] = {}
    explained: list[str] = []
    missing: list[str] = []
    for column in shape.columns:
        names = [folded(name) for name in (column.key, *column.names)]
        exact = next((whole[name] for name in names if name in whole and whole[name] not in places.values()), None)
        parts = sorted({index for name in names for index in last.get(name, ()) if index not in places.values()})
        if exact is not None:
            places[column.key] = exact
            explained.append(f"{column.key}: heading {headings[exact].written!r}.")
        elif len(parts) == 1:
            places[column.key] = parts[0]
            explained.append(f"{column.key}: heading {headings[parts[0]].written!r}, by its last part.")
        else:
            missing.append(column.key)
            hint = nearest(column.names[0] if column.names else column.key, [it.name for it in headings])
            many = f" {len(parts)} headings end so: name the one meant whole." if len(parts) > 1 else hint
            explained.append(f"{column.key}: no heading; looked for {', '.join((column.key, *column.names))}.{many}")
    unknown = tuple(index for index, heading in enumerate(headings) if index not in places.values() and heading.name)
    return Match(places, tuple(explained), unknown, tuple(missing))
