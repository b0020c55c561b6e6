# SPDX-License-Identifier: Apache-2.0
"""Declared panels → what their templates show. One frozen value a panel; `kind` names its template in panels/."""

from __future__ import annotations

import calendar as month_calendar
import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import (
    Band,
    Calendar,
    Chart,
    Citations,
    City,
    Indicator,
    Listing,
    MapLayer,
    Page,
    Plot,
    Related,
    Scale,
    Table,
    Tiles,
    qualify,
)  # fmt: skip
from chengyun.config import config
from chengyun.operate.queries import figure_calendar, newest_figures
from chengyun.operate.status import Status
from chengyun.web import figures, shown
from chengyun.web.layers import Layer, layer
from chengyun.web.places import area_names, districts
from chengyun.web.registers import panels as registers
from chengyun.web.spans import SPANS, Span, default_span
from chengyun.web.tiles import Tile

PLAIN = "#8a989f"
"""A day whose indicator has no scale: there is a value, and it has no class."""
MOST_ROWS = 500
"""A table of entities shows at most this many; the others are on the map and in the data service."""


@dataclass(frozen=True)
class Subject:
    """What a page is about: an entity (its qualified key, its own key, id and name) or the city (entity "")."""

    entity: str
    key: str
    name: str


@dataclass(frozen=True)
class TilesPanel:
    id: str
    name: str
    tiles: tuple[Tile, ...]
    kind: str = "tiles"


@dataclass(frozen=True)
class MapPanel:
    """layer: the points, also as a table. map: what the map's script is told; None on the board, which has one map for all."""

    id: str
    name: str
    layer: Layer
    map: Any
    kind: str = "map"


@dataclass(frozen=True)
class ChartPanel:
    """url: the series as JSON. table_url: the same numbers as a table. half: small enough to stand beside another."""

    id: str
    name: str
    url: str
    table_url: str
    spans: tuple[Span, ...]
    source: str
    half: bool
    kind: str = "chart"


@dataclass(frozen=True)
class Column:
    name: str
    unit: str
    numeric: bool


@dataclass(frozen=True)
class Cell:
    """text: the value as shown. band: class of the scale, for the figure itself."""

    name: str
    text: str
    numeric: bool
    status: Status
    band: Band | None
    figure_id: int | None


@dataclass(frozen=True)
class TableRow:
    name: str
    href: str
    cells: tuple[Cell, ...]
    period_text: str
    status: Status
    simulated: bool


@dataclass(frozen=True)
class TablePanel:
    id: str
    name: str
    subject_name: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    source: str
    kind: str = "table"


@dataclass(frozen=True)
class Day:
    text: str
    colour: str
    figure_id: int | None


@dataclass(frozen=True)
class Weekday:
    name: str
    days: tuple[Day | None, ...]


@dataclass(frozen=True)
class Month:
    name: str
    span: int


@dataclass(frozen=True)
class CalendarPanel:
    """rows: Monday to Sunday, each with its days by week; None outside the year. known: days with a value, of `elapsed`."""

    id: str
    name: str
    subject_name: str
    year: int
    years: tuple[int, ...]
    months: tuple[Month, ...]
    rows: tuple[Weekday, ...]
    scale: Scale | None
    known: int
    elapsed: int
    source: str
    kind: str = "calendar"


Panel = (
    TilesPanel | MapPanel | ChartPanel | TablePanel | CalendarPanel
    | registers.ListingPanel | registers.PlotPanel | registers.CitationsPanel
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Who looks at which page, when, and with which choices. span: of charts; year: of calendars; both None: the default."""

    actor: Actor
    now: dt.datetime
    subject: Subject
    span: str | None = None
    year: int | None = None
    query: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Everything the address asks for; panels of registers have texts and purposes there."""


def panels(pack: str, page: Page, asked: Asked, make_map: Any, first: int = 0) -> tuple[Panel, ...]:
    """Return a page's panels as an actor may see them; those about closed datasets are left out.

    make_map: Layer → what the map's script is told. first: number of the first, where another page's stand before them.
    """
    found: list[Panel] = []
    for number, panel in enumerate(page.panels):
        name = f"panel-{first + number}"
        one: Panel | None
        match panel:
            case Tiles():
                one = _tiles(name, pack, panel, asked)
            case MapLayer():
                points = layer(f"{pack}.{page.key}.{number}", asked.actor, asked.now)
                one = MapPanel(name, panel.name, points, make_map(points)) if points else None
            case Chart():
                one = _chart(name, pack, panel, asked)
            case Table():
                one = _table(name, pack, panel, asked)
            case Calendar():
                one = _calendar(name, pack, panel, asked)
            case Listing():
                one = registers.listing(name, pack, panel, asked.actor, asked.query)
            case Related():
                one = registers.related(name, pack, panel, asked.subject.key, asked.actor, asked.query)
            case Plot():
                one = registers.plot(name, pack, panel, asked.subject.key, asked.actor)
            case Citations():
                one = registers.citations(name, panel, asked.subject.entity, asked.subject.key, asked.actor)
        if one is not None:
            found.append(one)
    return tuple(found)


def _readable(pack: str, keys: Sequence[str], actor: Actor) -> list[str]:
    return [name for key in keys if scope(actor, name := qualify(pack, key)).allowed]


def _tiles(panel_id: str, pack: str, panel: Tiles, asked: Asked) -> TilesPanel | None:
    names = _readable(pack, panel.indicators, asked.actor)
    if not names:
        return None
    if asked.subject.entity:
        subjects = {asked.subject.key: ""}
    elif panel.by == "district":
        known = area_names("district")
        subjects = {code: known[code] for code in known}
    else:
        subjects = {config().city: ""}
    found = newest_figures(names, list(subjects), asked.actor, asked.now)
    tiles = [figures.tile(found[name, subject], subject_name) for subject, subject_name in subjects.items() for name in names]
    return TilesPanel(panel_id, panel.name, tuple(tiles))


def _chart(panel_id: str, pack: str, panel: Chart, asked: Asked) -> ChartPanel | None:
    city: City = settings.CITY
    if panel.stream:
        name = qualify(pack, panel.stream)
        if not asked.subject.entity or not scope(asked.actor, name).allowed:
            return None
        stream = city.streams[name]
        fields = list(panel.fields) or [quantity.key for quantity in stream.quantities]
        query = {"stream": name, "fields": ",".join(fields), "subject": asked.subject.key}
        chosen = asked.span or default_span(stream.cadence)
        source = f"{_(city.packs[name.split('.')[0]].pack.owner)} · {_(stream.name)}"
    else:
        names = _readable(pack, panel.indicators, asked.actor)
        if not names:
            return None
        first: Indicator = city.indicators[names[0]]
        query = {"indicators": ",".join(names), "subject": asked.subject.key or config().city}
        if not asked.subject.entity and len(names) == 1:
            query["districts"] = "1"
        chosen = asked.span or {"hour": "7d", "day": "1y"}.get(first.period, "5y")
        source = _(first.source)
    spans = tuple(Span(key, name, key == chosen) for key, name, _length in SPANS)
    address = urlencode({**query, "span": chosen})
    return ChartPanel(
        panel_id,
        panel.name,
        f"{reverse('series')}?{address}",
        f"{reverse('series-table')}?{address}",
        spans,
        source,
        bool(panel.stream),
    )


def _table(panel_id: str, pack: str, panel: Table, asked: Asked) -> TablePanel | None:
    names = _readable(pack, panel.indicators, asked.actor)
    if not names:
        return None
    city: City = settings.CITY
    declared = [city.indicators[name] for name in names]
    subjects, subject_name, entity = _subjects(pack, declared[0], asked)
    found = newest_figures(names, list(subjects), asked.actor, asked.now)
    details = [found[names[0], subject].detail for subject in subjects]
    numeric = {key: all(_is_number(one[key]) for one in details if one.get(key) not in (None, "")) for key in panel.columns}
    columns = [Column(one.name, one.unit, True) for one in declared]
    named = declared[0].columns
    columns += [Column(named[key][0], named[key][1], numeric[key]) for key in panel.columns]
    rows = []
    for subject, name in subjects.items():
        of_subject = [found[one, subject] for one in names]
        known = next((figure for figure in of_subject if figure.id is not None), None)
        if known is None:
            continue
        cells = [Cell(one.name, shown.number(one.value, one.decimals), True, one.status, one.band, one.id) for one in of_subject]
        for key in panel.columns:
            detail = of_subject[0].detail.get(key)
            cells.append(Cell(declared[0].columns[key][0], _detail(detail), numeric[key], "fresh", None, None))
        href = reverse("entity", args=[entity, subject]) if entity else ""
        simulated = any(one.simulated for one in of_subject)
        rows.append(TableRow(name, href, tuple(cells), figures.period_text(known), known.status, simulated))
    source = "; ".join(dict.fromkeys(_(one.source) for one in declared))
    return TablePanel(panel_id, panel.name, subject_name, tuple(columns), tuple(rows), source)


def _subjects(pack: str, indicator: Indicator, asked: Asked) -> tuple[dict[str, str], str, str]:
    """Return the subjects of a table (key → name), what they are called, and the entity they belong to ("" for areas)."""
    city: City = settings.CITY
    if indicator.subject == "area":
        names = area_names()
        codes = [config().city, *districts()]
        return {code: names.get(code, code) for code in codes}, _("区域"), ""
    entity = qualify(pack, indicator.subject)
    allowed = scope(asked.actor, entity)
    if not allowed.allowed:
        return {}, city.entities[entity].name, entity
    rows = allowed.rows_for(register(entity)._default_manager.order_by("key"))[:MOST_ROWS]
    names = {row.key: str(allowed.mask(vars(row)).get("name", row.key)) for row in rows}
    return names, city.entities[entity].name, entity


def register(entity: str) -> Any:
    """Return the Django model of an entity's register, by qualified key."""
    city: City = settings.CITY
    module = city.packs[entity.split(".")[0]].module
    return apps.get_model(module.rsplit(".", 1)[1], city.entities[entity].model)


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return bool(value) and value.replace(".", "", 1).lstrip("-").isdigit()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _detail(value: Any) -> str:
    if value is None or value == "" or value == []:
        return shown.NOTHING
    if isinstance(value, list | tuple):
        return shown.listed([_detail(item) for item in value])
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return _(value) if isinstance(value, str) else str(value)


def _calendar(panel_id: str, pack: str, panel: Calendar, asked: Asked) -> CalendarPanel | None:
    name = qualify(pack, panel.indicator)
    if not scope(asked.actor, name).allowed:
        return None
    indicator: Indicator = settings.CITY.indicators[name]
    subject = asked.subject.key or config().city
    years = figures.years_known(name, subject, asked.actor)
    today = shown.today(asked.now)
    year = asked.year or (years[0] if years else today.year)
    by_day = {one.day: one for one in figure_calendar(name, subject, year, asked.actor)}
    scale = figures.scale_of(name)
    sign = shown.unit(indicator.unit)
    unit = f" {sign}" if sign else ""

    def day_of(day: dt.date) -> Day:
        one = by_day[day]
        if one.value is None:
            return Day(f"{shown.moment(day)} {shown.NOTHING}", "transparent", None)
        said = f"{shown.moment(day)} {shown.number(one.value, indicator.decimals)}{unit} {_(one.band.name) if one.band else ''}"
        return Day(said.strip(), one.band.colour if one.band else PLAIN, one.figure)

    first = dt.date(year, 1, 1)
    monday = first - dt.timedelta(days=first.weekday())
    weeks = [
        monday + dt.timedelta(weeks=number)
        for number in range(54)
        if monday + dt.timedelta(weeks=number) <= dt.date(year, 12, 31)
    ]
    names = _weekday_names()
    rows = tuple(
        Weekday(
            names[weekday],
            tuple(day_of(day) if (day := week + dt.timedelta(days=weekday)).year == year else None for week in weeks),
        )
        for weekday in range(7)
    )
    last = min(today, dt.date(year, 12, 31))
    return CalendarPanel(
        panel_id, panel.name, asked.subject.name, year, tuple(years), _months(weeks, year), rows, scale,
        sum(one.value is not None for one in by_day.values()), max((last - first).days + 1, 0), _(indicator.source),
    )  # fmt: skip


def _weekday_names() -> list[str]:
    if (get_language() or "").startswith("en"):
        return ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    return ["一", "二", "三", "四", "五", "六", "日"]


def _months(weeks: Sequence[dt.date], year: int) -> tuple[Month, ...]:
    """Return the months above the weeks: a week belongs to the month of its Thursday, within the year."""
    english = (get_language() or "").startswith("en")
    of_week = [min(max(week + dt.timedelta(days=3), dt.date(year, 1, 1)), dt.date(year, 12, 31)).month for week in weeks]
    return tuple(
        Month(month_calendar.month_abbr[month] if english else _("%(month)d 月") % {"month": month}, of_week.count(month))
        for month in range(1, 13)
        if month in of_week
    )
