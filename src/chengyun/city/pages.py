# SPDX-License-Identifier: Apache-2.0
"""Pages as declared lists of panels; the kernel owns the HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from chengyun.city.declare import declaration, is_key

__all__ = ["Band", "Calendar", "Chart", "MapLayer", "Page", "Panel", "Scale", "Table", "Tiles"]


@declaration
class Band:
    """One class of a scale. upto: highest value in it, inclusive; None: no top. colour: #rrggbb."""

    upto: float | None
    name: str
    colour: str


@declaration
class Scale:
    """Classes and colours of a figure, lowest first, from a standard or an agreed table."""

    key: str
    name: str
    source: str
    bands: Sequence[Band]

    def band(self, value: float | None) -> Band | None:
        """Return the class a value falls in; None for unknown."""
        if value is None:
            return None
        return next((band for band in self.bands if band.upto is None or value <= band.upto), self.bands[-1])

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        tops = [band.upto for band in self.bands if band.upto is not None]
        if tops != sorted(tops):
            yield "bands must rise."


@declaration
class Tiles:
    """The newest figure of each indicator for the city (or each district), with age, coverage and why."""

    name: str
    indicators: Sequence[str]
    by: Literal["city", "district"] = "city"


@declaration
class MapLayer:
    """Entities on the map, coloured by the newest value of an indicator (or of a stream's field).

    areas: indicator about areas whose class tints the districts beneath.
    """

    name: str
    entity: str
    indicator: str | None = None
    stream: str | None = None
    field: str | None = None
    scale: str | None = None
    areas: str | None = None


@declaration
class Chart:
    """Lines over time: fields of a stream for one entity, or indicators for the city and its districts."""

    name: str
    stream: str | None = None
    fields: Sequence[str] = ()
    indicators: Sequence[str] = ()


@declaration
class Table:
    """The newest figures of indicators side by side, one row a subject.

    columns: more columns of the first indicator's rows to show, of those its `-- columns:` header names.
    """

    name: str
    indicators: Sequence[str]
    columns: Sequence[str] = ()


@declaration
class Calendar:
    """A year of daily figures as a calendar picture."""

    name: str
    indicator: str


Panel = Tiles | MapLayer | Chart | Table | Calendar


@declaration
class Page:
    """A page of a pack. entity: the page is about one entity of that kind, chosen by its key."""

    key: str
    name: str
    panels: Sequence[Panel]
    entity: str | None = None

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
