# SPDX-License-Identifier: Apache-2.0
"""What a tile shows: frozen values, the same for a page, a JSON answer, a picture, a document and a workbook."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chengyun.operate.boards.queries import NoteView
from chengyun.operate.boards.spec import BoardSpec
from chengyun.operate.status import Status
from chengyun.web import shown

__all__ = ["Band", "BoardView", "Contribution", "Dot", "Drawn", "Line", "Mapped", "Point", "Series", "Shape", "TileView"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Band:
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list. share: of the highest, 0 to 1, for a bar. about: what else is said, in order. since: for an age."""

    text: str
    href: str = ""
    value: str = ""
    unit: str = ""
    why: str = ""
    status: Status | str = ""
    severity: str = ""
    band: Band | None = None
    share: float | None = None
    about: tuple[str, ...] = ()
    since: dt.datetime | None = None
    age: str = ""
    overdue: bool = False
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Contribution:
    """A part of an index. score: 0 to 100; None: nothing is known. weight: what it really had.

    lacks: the points of the whole's 100 it costs; moved: what it did to the change since the period before; as printed.
    """

    text: str
    href: str = ""
    score: float | None = None
    weight: float = 0.0
    lacks: str = ""
    moved: str = ""
    up: bool = False
    down: bool = False

    @property
    def share(self) -> float:
        """Its score between 0 and 1, for a bar."""
        return round((self.score or 0.0) / 100, 3)

    def as_line(self) -> Line:
        """Return it as a line of a list."""
        said = ((_("拉低"), self.lacks), (_("变化"), self.moved))
        return Line(
            self.text, self.href, shown.number(self.score, 1), about=tuple(f"{word} {text}" for word, text in said if text)
        )


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a picture. points: runs without a gap, in 0 to 1 from the left and from the top. last: its newest value."""

    name: str
    points: tuple[tuple[Point, ...], ...]
    last: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart. across, up: labels with their places, 0 to 1. target: its line's height. says: for those who do not see it."""

    series: tuple[Series, ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    target: float | None
    says: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A district's outline, its label and the colour it is tinted with; in units of 0 to 1000 across."""

    name: str
    rings: tuple[tuple[Point, ...], ...]
    x: float
    y: float
    colour: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    colour: str
    status: Status
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map drawn by us, 1000 units across. bands: what the colours mean."""

    height: float
    shapes: tuple[Shape, ...]
    dots: tuple[Dot, ...]
    bands: tuple[Band, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """A tile of any kind; what a kind does not have is empty.

    status: the figure's; of a list "": it is what it is. value: as shown, "—" when not known; number: as computed. judged: "",
    "good", "warn" or "bad" by the tile's thresholds and target. live: which figure it is, for live updates.
    parts: of an index, with change and since, when its change is known. beside: what the figure is compared with, in words.
    goal_source: of a declared goal that is the target. drill: where its title leads. count: of a list, how many there are in
    all. paragraphs: of a text. notes: what was said of it.
    """

    id: str
    kind: str
    x: int
    y: int
    w: int
    h: int
    title: str
    drill: str = ""
    status: Status | str = ""
    value: str = ""
    number: float | None = None
    unit: str = ""
    decimals: int = 0
    band: Band | None = None
    judged: str = ""
    target: str = ""
    target_number: float | None = None
    thresholds: str = ""
    period: str = ""
    period_start: dt.datetime | None = None
    known_at: dt.datetime | None = None
    age: str = ""
    coverage: float | None = None
    source: str = ""
    simulated: bool = False
    figure: int | None = None
    live: str = ""
    spark: Drawn | None = None
    chart: Drawn | None = None
    mapped: Mapped | None = None
    lines: tuple[Line, ...] = ()
    count: str = ""
    parts: tuple[Contribution, ...] = ()
    change: str = ""
    since: str = ""
    beside: tuple[str, ...] = ()
    goal_source: str = ""
    empty: str = ""
    paragraphs: tuple[str, ...] = ()
    notes: tuple[NoteView, ...] = ()

    @property
    def column(self) -> int:
        """Column line of a CSS grid."""
        return self.x + 1

    @property
    def row(self) -> int:
        return self.y + 1

    @property
    def listed(self) -> tuple[Line, ...]:
        """Its lines, or the parts of an index as lines, for pictures and workbooks."""
        return self.lines or tuple(one.as_line() for one in self.parts)

    def as_json(self) -> dict[str, Any]:
        """Return the tile without what is empty."""
        said = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        told = {name: value for name, value in said.items() if value not in ("", None, (), False)}
        return told | {"x": self.x, "y": self.y, "w": self.w, "h": self.h, "notes": [_note(one) for one in self.notes]}


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board as somebody may see it at a moment. past: whether it is no longer now. rows: of the grid. notes: of all."""

    spec: BoardSpec
    name: str
    version: int
    at: dt.datetime
    past: bool
    rows: int
    tiles: tuple[TileView, ...]
    notes: tuple[NoteView, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what a program is told. Of the present, `at` is the moment it was read; of the past, the moment asked for."""
        return {
            "board": self.spec.key, "name": self.name, "version": self.version, "at": self.at, "as_known_then": self.past,
            "tiles": [one.as_json() for one in self.tiles], "notes": [_note(one) for one in self.notes],
        }  # fmt: skip


def _note(one: NoteView) -> dict[str, Any]:
    return {"tile": one.tile, "at": one.at, "text": one.text, "author": one.author, "written_at": one.written_at}
