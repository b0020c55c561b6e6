# SPDX-License-Identifier: Apache-2.0
"""The board (大屏): the city's vital signs, what is measured where, what needs somebody, and how old it all is.

A pack is on the board with the tiles and map layers of its first page. What changes is made once for all who see the
same (cache.py) and replaced in the open page part by part when the stream process tells of something new.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import public
from chengyun.city import Page, Tiles
from chengyun.web.cache import kept, view_of
from chengyun.web.freshness import StreamAge, stream_ages
from chengyun.web.layers import Layer, declared_layers, layer
from chengyun.web.live import live_settings
from chengyun.web.maps import CityMap, city_map
from chengyun.web.panels import Asked, Subject, TilesPanel, panels
from chengyun.web.shell import city_name
from chengyun.web.work import Work, work

BOARD_ITEMS = 8
"""Alerts and cases shown before "all of them"."""


@dataclass(frozen=True)
class Board:
    """What changes on the board. streams: age of each. tiles: vital signs, panel by panel. as_of: when it was read."""

    streams: tuple[StreamAge, ...]
    tiles: tuple[TilesPanel, ...]
    layers: tuple[Layer, ...]
    work: Work
    as_of: dt.datetime


@dataclass(frozen=True)
class BoardPage:
    """map: the city's map. parts: the changing parts, already as HTML. live: what the script of live updates is told."""

    map: CityMap
    legend: Layer | None
    parts: SafeString
    live: dict[str, str]
    city: str
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class _Snapshot:
    parts: SafeString
    layers: tuple[Layer, ...]


@require_safe
@public
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """Show the board."""
    wall = request.GET.get("wall") == "1"
    now = _snapshot(actor_of(request), wall)
    refresh = reverse("board-parts") + ("?wall=1" if wall else "")
    page = BoardPage(
        map=city_map("board-map", _("各区与站点"), now.layers, wall=wall),
        legend=now.layers[0] if now.layers else None,
        parts=now.parts,
        live=live_settings(request, refresh),
        city=city_name(),
        layers=now.layers,
    )
    return render(request, "web/board.html", {"page": page})


@require_safe
@public
@never_cache
def board_parts(request: HttpRequest) -> HttpResponse:
    """Return the changing parts alone, each marked with the place it goes to."""
    return HttpResponse(_snapshot(actor_of(request), request.GET.get("wall") == "1").parts)


def _snapshot(actor: Actor, wall: bool) -> _Snapshot:
    def make() -> _Snapshot:
        read = read_board(actor, timezone.now())
        html = render_to_string("web/board_parts.html", {"board": read, "wall": wall})
        return _Snapshot(html, read.layers)

    return kept(("board", view_of(actor), get_language(), wall), make)


def read_board(actor: Actor, now: dt.datetime) -> Board:
    """Return the board as an actor may see it."""
    tiles: list[TilesPanel] = []
    layers: list[Layer] = []
    for name, page in _first_pages().items():
        pack = name.split(".")[0]
        only = Page(key=page.key, name=page.name, panels=[panel for panel in page.panels if isinstance(panel, Tiles)])
        found = panels(pack, only, Asked(actor, now, Subject("", "", city_name())), lambda _layer: None)
        tiles += [panel for panel in found if isinstance(panel, TilesPanel)]
        layers += [
            points
            for layer_id in declared_layers()
            if layer_id.startswith(f"{name}.") and (points := layer(layer_id, actor, now))
        ]
    return Board(stream_ages(actor, now), tuple(tiles), tuple(layers), work(actor, now, BOARD_ITEMS), now)


def _first_pages() -> dict[str, Page]:
    """Return each pack's first page that is not about one entity, by qualified key."""
    first: dict[str, tuple[str, Page]] = {}
    for name, page in settings.CITY.pages.items():
        if page.entity is None:
            first.setdefault(name.split(".")[0], (name, page))
    return dict(first.values())
