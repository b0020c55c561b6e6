# SPDX-License-Identifier: Apache-2.0
"""Where a column comes from and where it goes: a picture, the same as lists, why, and who is hit when it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.errors import NotFound
from chengyun.share.lineage import queries
from chengyun.share.lineage.queries import Around, Box, Hit, Link
from chengyun.share.lineage.shapes import EVERY, Column
from chengyun.share.lineage.sight import Sight
from chengyun.web.lineage.drawing import Drawn, draw
from chengyun.web.lineage.words import grade_said, how_said, kind_said
from chengyun.web.places import said

DEEPEST = 6
MOST_OPENED = 24


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """A column in a list. why: address that explains the dependence, "" for none."""

    key: str
    name: str
    href: str
    why: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A place in a list. depth: places away. hidden: it has a neighbour that may not be seen."""

    title: str
    key: str
    kind: str
    depth: int
    href: str
    columns: tuple[ColumnLine, ...]
    hidden: bool


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """An edge in words. said, at: "" where they may not be shown."""

    source: str
    source_href: str
    target: str
    how: str
    said: str
    at: str


@dataclass(frozen=True, slots=True)
class HitLine:
    title: str
    key: str
    kind: str
    href: str
    grade: str
    grade_said: str


@dataclass(frozen=True)
class PlacePage:
    """column: the one asked for, "" for the whole place. code: whether expressions may be shown."""

    title: str
    key: str
    kind: str
    column: str
    column_name: str
    unit: str
    at: str
    data_href: str
    picture: Drawn
    up: int
    down: int
    indirect: bool
    columns: tuple[ColumnLine, ...]
    sources: tuple[PlaceLine, ...]
    uses: tuple[PlaceLine, ...]
    made: tuple[EdgeLine, ...]
    path: tuple[EdgeLine, ...]
    hits: tuple[HitLine, ...]
    hits_hidden: bool
    hidden_up: bool
    hidden_down: bool
    cut: bool
    code: bool
    as_of: dt.datetime


@dataclass(frozen=True)
class OverviewPage:
    """kinds: kind in words → its places."""

    kinds: tuple[tuple[str, tuple[PlaceLine, ...]], ...]
    asked: str
    as_of: dt.datetime


@require_safe
@public
def overview(request: HttpRequest) -> HttpResponse:
    """List the places the reader may see, by kind."""
    sight = queries.sight_of(actor_of(request))
    asked = request.GET.get("q", "").strip()[:100]
    kinds: dict[str, list[PlaceLine]] = {}
    for key, place in sight.graph.places.items():
        title = str(said(place.name))
        if place.kind == "door" or (asked and asked.lower() not in f"{key} {title}".lower()) or not sight.sees(key):
            continue
        kinds.setdefault(place.kind, []).append(PlaceLine(title, key, "", 0, _href(Column(key, EVERY)), (), False))
    ordered = tuple((kind_said(kind), tuple(sorted(lines, key=lambda one: one.key))) for kind, lines in kinds.items())
    return render(request, "lineage/overview.html", {"page": OverviewPage(ordered, asked, timezone.now())})


@require_safe
@public
def place(request: HttpRequest, dataset: str, column: str = "") -> HttpResponse:
    """Show what surrounds a place or one of its columns."""
    sight = queries.sight_of(actor_of(request))
    start = queries.access_place(sight, dataset, column)
    opened = tuple(dict.fromkeys(request.GET.getlist("open")))[:MOST_OPENED]
    up, down = _depth(request, "up", 2), _depth(request, "down", 1)
    indirect = request.GET.get("rows") != "0"
    found = queries.around(sight, start, up, down, opened, indirect=indirect)
    page = _page(request, sight, start, found, up, down, indirect, opened)
    return render(request, "lineage/place.html", {"page": page})


def _page(
    request: HttpRequest, sight: Sight, start: Column, found: Around, up: int, down: int, indirect: bool, opened: Sequence[str]
) -> PlacePage:
    place = sight.graph.places[start.place]
    item = place.item(start.key)
    query = [("up", up), ("down", down), *(() if indirect else (("rows", "0"),))]

    def open_href(key: str) -> str:
        return "?" + urlencode([*query, *(("open", one) for one in (*opened, key))])

    picture = draw(found, said=lambda text: str(said(text)), how_said=how_said, href=_href, open_href=open_href)
    middle = found.boxes[start.place]
    hits = queries.impact(sight.graph, start)
    seen = [hit for hit in hits if sight.sees(hit.place.key)]
    code = sight.may_read_code
    return PlacePage(
        title=str(said(place.name)),
        key=place.key,
        kind=kind_said(place.kind),
        column="" if start.key == EVERY else start.key,
        column_name=str(said(item.name)) if item else "",
        unit=item.unit if item and item.unit != "1" else "",
        at=place.at if code else "",
        data_href=_data(place.key, place.kind),
        picture=picture,
        up=up,
        down=down,
        indirect=indirect,
        columns=tuple(_column(Column(place.key, key), sight) for key in sight.columns(place)),
        sources=tuple(_line(sight, box, start) for box in found.sources),
        uses=tuple(_line(sight, box, start) for box in found.uses),
        made=tuple(
            _edge(sight, one)
            for one in found.links
            if one.target.place == start.place and start.key in (one.target.key, EVERY)
        ),
        path=_path(request, sight, start),
        hits=tuple(_hit(hit) for hit in seen),
        hits_hidden=len(seen) < len(hits),
        hidden_up=middle.hidden_up,
        hidden_down=middle.hidden_down,
        cut=found.cut,
        code=code,
        as_of=timezone.now(),
    )  # fmt: skip


def _hit(hit: Hit) -> HitLine:
    place = hit.place
    return HitLine(
        str(said(place.name)), place.key, kind_said(place.kind), _href(Column(place.key, EVERY)), hit.grade, grade_said(hit.grade)
    )


def _path(request: HttpRequest, sight: Sight, start: Column) -> tuple[EdgeLine, ...]:
    """Return why the column depends on the one `why` names, or why that one depends on it."""
    asked = request.GET.get("why", "")
    key, _slash, column = asked.partition("/")
    if not asked or not sight.sees(key):
        return ()
    other = Column(key, column or EVERY)
    for source, target in ((other, start), (start, other)):
        try:
            return tuple(_edge(sight, one) for one in queries.path(sight, source, target))
        except NotFound:
            continue
    return ()


def _edge(sight: Sight, link: Link) -> EdgeLine:
    return EdgeLine(
        _column_said(sight, link.source),
        _href(link.source),
        _column_said(sight, link.target),
        how_said(link.how),
        link.said,
        link.at,
    )


def _column_said(sight: Sight, column: Column) -> str:
    place = sight.graph.places[column.place]
    item = place.item(column.key)
    return f"{said(place.name)} · {said(item.name) if item else _('各列')}"


def _line(sight: Sight, box: Box, start: Column) -> PlaceLine:
    place = box.place
    columns = tuple(_column(Column(place.key, key), sight, start) for key in box.columns if key != EVERY)
    return PlaceLine(
        str(said(place.name)), place.key, kind_said(place.kind), abs(box.side), _href(Column(place.key, EVERY)), columns,
        box.hidden_up if box.side < 0 else box.hidden_down,
    )  # fmt: skip


def _column(column: Column, sight: Sight, start: Column | None = None) -> ColumnLine:
    item = sight.graph.places[column.place].item(column.key)
    why = f"?{urlencode({'why': '/'.join(column)})}#why" if start else ""
    return ColumnLine(column.key, str(said(item.name)) if item else column.key, _href(column), why)


def _href(column: Column) -> str:
    if column.key == EVERY:
        return reverse("lineage-place", args=[column.place])
    return reverse("lineage-column", args=[column.place, column.key])


def _data(key: str, kind: str) -> str:
    """Return where the place itself is shown, "" for nowhere."""
    bare = key.partition(":")[2]
    if kind == "page":
        pack, _dot, page = bare.partition(".")
        return reverse("pack-page", args=[pack, page])
    return reverse("form", args=[bare]) if kind == "form" else ""


def _depth(request: HttpRequest, name: str, usual: int) -> int:
    text = request.GET.get(name, "")
    return min(int(text), DEEPEST) if text.isascii() and text.isdigit() and len(text) < 3 else usual
