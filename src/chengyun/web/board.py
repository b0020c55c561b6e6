# SPDX-License-Identifier: Apache-2.0
"""The board (大屏): the city's vital signs, what is measured where, what needs somebody, and how old it all is.

A pack is on the board with the tiles and map layers of its first page. What changes is made once for all who see the
same (cache.py) and replaced in the open page part by part when the stream process tells of something new.
"""

from __future__ import annotations

import dataclasses
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
from chengyun.access.policy import scope
from chengyun.access.views import public
from chengyun.city import Page, Tiles, qualify
from chengyun.web import figures
from chengyun.web.about import only_simulated
from chengyun.web.cache import kept, view_of
from chengyun.web.freshness import StreamAge, stream_ages
from chengyun.web.layers import Layer, Ranking, Registers, declared_layers, layer, ranking_by_district, ranking_of
from chengyun.web.live import live_settings
from chengyun.web.maps import city_map
from chengyun.web.panels import Asked, Subject, TilesPanel, panels
from chengyun.web.shell import city_name
from chengyun.web.work import Work, work

BOARD_ITEMS = 8
"""Alerts and cases shown before "all of them"."""


@dataclass(frozen=True)
class Board:
    """What changes on the board.

    streams: age of each that is expected to speak. quiet: how many others have no data yet. tiles: vital signs, panel by panel.
    rankings: districts side by side, each of which has a value at least. layers: what may be drawn on the map.
    all_simulated: nothing real yet. as_of: when it was read.
    """

    streams: tuple[StreamAge, ...]
    quiet: int
    tiles: tuple[TilesPanel, ...]
    rankings: tuple[Ranking, ...]
    layers: tuple[Layer, ...]
    work: Work
    all_simulated: bool
    as_of: dt.datetime


@dataclass(frozen=True)
class BoardPage:
    """main: the board itself, already as HTML. live: what the script of live updates is told."""

    main: SafeString
    live: dict[str, str]


@require_safe
@public
@never_cache
def board(request: HttpRequest) -> HttpResponse:
    """Show the board."""
    actor, wall = actor_of(request), _is_wall(request)
    refresh = reverse("board-parts") + ("?wall=1" if wall else "")
    page = BoardPage(
        main=kept(("board", view_of(actor), get_language(), wall), lambda: _main(actor, wall)),
        live=kept(("live", view_of(actor), request.get_host(), refresh), lambda: live_settings(request, refresh)),
    )
    return render(request, "web/board.html", {"page": page})


@require_safe
@public
@never_cache
def board_parts(request: HttpRequest) -> HttpResponse:
    """Return the changing parts alone, each marked with the place it goes to."""
    actor, wall = actor_of(request), _is_wall(request)
    return HttpResponse(kept(("board-parts", view_of(actor), get_language(), wall), lambda: _parts(actor, wall)))


def _is_wall(request: HttpRequest) -> bool:
    return request.GET.get("wall") == "1"


def _main(actor: Actor, wall: bool) -> SafeString:
    read = read_board(actor, timezone.now())
    drawn = city_map("board-map", _("各区与站点"), read.layers, wall=wall)
    return render_to_string("web/board_main.html", {"board": read, "map": drawn, "wall": wall})


def _parts(actor: Actor, wall: bool) -> SafeString:
    return render_to_string("web/board_parts.html", {"board": read_board(actor, timezone.now()), "wall": wall})


def read_board(actor: Actor, now: dt.datetime) -> Board:
    """Return the board as an actor may see it."""
    tiles: list[TilesPanel] = []
    rankings: list[Ranking] = []
    layers: list[Layer] = []
    registers: Registers = {}
    for name, page in _first_pages().items():
        pack = name.split(".")[0]
        vital = [panel for panel in page.panels if isinstance(panel, Tiles) and panel.by == "city"]
        only = Page(key=page.key, name=page.name, panels=vital)
        found = panels(pack, only, Asked(actor, now, Subject("", "", city_name())), lambda _layer: None)
        tiles += [_with_sparks(panel, actor, now) for panel in found if isinstance(panel, TilesPanel)]
        layers += [
            points
            for layer_id in declared_layers()
            if layer_id.startswith(f"{name}.") and (points := layer(layer_id, actor, now, registers))
        ]
        rankings += [ranking_of(points) for points in layers if points.id.startswith(f"{name}.") and points.areas]
        rankings += [
            ranking_by_district(f"{name}.{panel.name}", qualify(pack, key), actor, now)
            for panel in page.panels
            if isinstance(panel, Tiles) and panel.by == "district"
            for key in panel.indicators
            if scope(actor, qualify(pack, key)).allowed
        ]
    rankings = [one for one in rankings if any(area.figure.value is not None for area in one.areas)]
    # A pack without any data says so among the streams; tiles that never had a figure say nothing beside them.
    begun = [panel for panel in tiles if any(tile.period_start for tile in panel.tiles)]
    streams = stream_ages(actor, now)
    doings = work(actor, now, BOARD_ITEMS)
    shown = tuple(one for one in streams if one.expected)
    return Board(
        shown,
        len(streams) - len(shown),
        tuple(begun or tiles),
        tuple(rankings),
        tuple(layers),
        doings,
        only_simulated(streams),
        now,
    )


def _with_sparks(panel: TilesPanel, actor: Actor, now: dt.datetime) -> TilesPanel:
    """Return the panel with the course of the last day beneath its hourly figures."""
    drawn = tuple(
        dataclasses.replace(tile, spark=figures.spark(tile.indicator, tile.subject, now, actor))
        if settings.CITY.indicators[tile.indicator].period == "hour"
        else tile
        for tile in panel.tiles
    )
    return dataclasses.replace(panel, tiles=drawn)


def _first_pages() -> dict[str, Page]:
    """Return each pack's first page that is not about one entity, by qualified key."""
    first: dict[str, tuple[str, Page]] = {}
    for name, page in settings.CITY.pages.items():
        if page.entity is None:
            first.setdefault(name.split(".")[0], (name, page))
    return dict(first.values())
