# SPDX-License-Identifier: Apache-2.0
"""Pages as declared lists of panels; the kernel owns the HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from chengyun.city.declare import declaration, is_key

__all__ = [
    "Band", "Calendar", "Chart", "Citations", "Listing", "MapLayer", "Page", "Panel", "Plot", "Related", "Scale", "Table",
    "Tiles",
]  # fmt: skip


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


@declaration
class Listing:
    """The things of a register, with a search box. columns: fields shown beside name and key. search: fields looked into.

    address: the text is parsed as an address and matched part by part, with a score, instead of being looked for as it stands.
    """

    name: str
    entity: str
    columns: Sequence[str] = ()
    search: Sequence[str] = ("name", "key")
    address: bool = False


@declaration
class Related:
    """On the page of one thing: the things of a register that name it in one of the fields `by`."""

    name: str
    entity: str
    by: Sequence[str]
    columns: Sequence[str] = ()


@declaration
class Plot:
    """On the page of one thing: numbers of a register that name it in `by`, over their periods, edition by edition.

    period, value, edition: fields of the register: text such as 2024, 2024Q1 or 2024-03; a number; the day it was published.
    """

    name: str
    entity: str
    by: str
    period: str = "period"
    value: str = "value"
    edition: str = "edition"


@declaration
class Citations:
    """On the page of one thing of a register that is cited: which of the city's rules cite it, and where."""

    name: str


Panel = Tiles | MapLayer | Chart | Table | Calendar | Listing | Related | Plot | Citations


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
