# SPDX-License-Identifier: Apache-2.0
"""A board looked at: now and live, at any second of the past, on a phone, on a wall."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, public
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.operate.boards import queries, services
from chengyun.operate.boards.models import BoardVersion, ScheduledReport
from chengyun.operate.boards.queries import Saved
from chengyun.web.boards import reports
from chengyun.web.boards.asking import moment_of, read_moment, shown_of
from chengyun.web.boards.pace import AFTER_MS, REFRESH_MS
from chengyun.web.boards.shown import BoardView
from chengyun.web.cache import kept, view_of
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.live import live_settings

LEVELS = {
    "city": gettext_lazy("全市看板"),
    "district": gettext_lazy("区县看板"),
    "department": gettext_lazy("部门看板"),
    "theme": gettext_lazy("专题看板"),
}
SLIDER = dt.timedelta(days=7)
MOST_ON_WALL = 60
BESIDE_FOR_S = 20.0
"""Which boards there are changes seldom; the links between them may be that old."""


@dataclass(frozen=True)
class Group:
    """Boards of one level."""

    level: str
    name: str
    boards: tuple[Saved, ...]


@dataclass(frozen=True)
class ListPage:
    """groups: by level. retired: those this person may offer again. wall: address that shows all of them one after the other."""

    groups: tuple[Group, ...]
    retired: tuple[Saved, ...]
    wall: str
    may_edit: bool
    fault: Fault | None


@dataclass(frozen=True)
class BoardPage:
    """beside: the other boards, by level. body: the tiles as HTML. at, first, last: of the time slider, in the city's time.
    query: `?at=…` of the past, or empty. early: the moment is before the board was first saved.
    """

    saved: Saved
    view: BoardView
    name: str
    beside: tuple[Group, ...]
    body: str
    live: dict[str, Any] | None
    at: str
    first: str
    last: str
    query: str
    early: bool
    may_edit: bool
    may_annotate: bool
    may_schedule: bool
    versions: tuple[BoardVersion, ...]
    reports: tuple[ScheduledReport, ...]
    mails: bool
    has_address: bool
    fault: Fault | None
    follows: str = ""
    stays_s: int = 0


@require_safe
@public
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """Show the boards the reader may open."""
    return _listed(request, None)


def _listed(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    boards = queries.boards_for(actor)
    groups = _grouped(boards)
    wall = wall_address([one.spec.key for one in boards][:MOST_ON_WALL], 0)
    may_edit = queries.may_edit(None, actor)
    page = ListPage(groups, tuple(queries.retired_for(actor)) if may_edit else (), wall, may_edit, fault)
    return render(request, "boards/list.html", {"page": page}, status=fault.status if fault else 200)


def _grouped(boards: Sequence[Saved]) -> tuple[Group, ...]:
    return tuple(
        Group(key, str(name), mine)
        for key, name in LEVELS.items()
        if (mine := tuple(one for one in boards if one.spec.level == key))
    )


def _beside(actor: Actor) -> tuple[Group, ...]:
    """Return the boards the reader may open, to go from one to the other."""
    asked = ("boards-beside", view_of(actor), get_language())
    return kept(asked, lambda: _grouped(queries.boards_for(actor)), BESIDE_FOR_S)


@require_safe
@public
@never_cache
def board(request: HttpRequest, key: str) -> HttpResponse:
    """Show a board."""
    return shown_page(request, key, None)


def shown_page(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    """Show a board, with what was refused at one of its forms."""
    actor, at = actor_of(request), moment_of(request)
    saved, view = shown_of(key, actor, at)
    page = _page(request, actor, saved, view, at, fault, wall=False)
    return render(request, "boards/board.html", {"page": page}, status=fault.status if fault else 200)


@require_safe
@public
@never_cache
def wall(request: HttpRequest) -> HttpResponse:
    """Show one of several boards on a wall; its script goes on to the next one."""
    actor = actor_of(request)
    asked = [one for one in request.GET.get("boards", "").split(",") if one][:MOST_ON_WALL]
    keys = asked or [one.spec.key for one in queries.boards_for(actor)][:MOST_ON_WALL]
    if not keys:
        raise Refused(_("没有可以上墙的看板。"))
    if request.GET.get("wall") != "1":
        return redirect(wall_address(keys, 0))
    number = request.GET.get("n", "0")
    place = int(number) % len(keys) if number.isascii() and number.isdigit() and len(number) < 9 else 0
    saved, view = shown_of(keys[place], actor, None)
    page = _page(request, actor, saved, view, None, None, wall=True)
    follows = wall_address(keys, (place + 1) % len(keys)) if len(keys) > 1 else ""
    page = dataclasses.replace(page, follows=follows, stays_s=saved.spec.wall_s)
    return render(request, "boards/wall.html", {"page": page})


def wall_address(keys: Sequence[str], place: int) -> str:
    """Return the address that shows boards on a wall, one after the other."""
    return f"{reverse('boards-wall')}?{urlencode({'wall': 1, 'boards': ','.join(keys), 'n': place}, safe=',')}"


@require_safe
@public
@never_cache
def parts(request: HttpRequest, key: str) -> HttpResponse:
    """Return the tiles alone. Of the past: the same bytes whenever they are asked for."""
    actor, at = actor_of(request), moment_of(request)
    saved, view = shown_of(key, actor, at)
    if at is not None:
        return HttpResponse(_tiles(view))
    wall = request.GET.get("wall") == "1"
    asked = ("board-tiles", key, saved.number, view_of(actor), get_language(), wall, view.at)
    return HttpResponse(kept(asked, lambda: _tiles(view, swap=True, wall=wall)))


@require_safe
@public
@never_cache
def parts_json(request: HttpRequest, key: str) -> HttpResponse:
    """Return the tiles as JSON. Of the past: the same bytes whenever they are asked for."""
    _saved, view = shown_of(key, actor_of(request), moment_of(request))
    return HttpResponse(msgspec.json.encode(view.as_json(), order="deterministic"), content_type="application/json")


@require_POST
@needs("board.annotate")
def annotate(request: HttpRequest, key: str) -> HttpResponse:
    """Say something about a moment."""
    actor = actor_of(request)

    def do() -> None:
        at = read_moment(request.POST.get("at", "")) if request.POST.get("at") else timezone.now()
        services.annotate(key, request.POST.get("tile", ""), at, request.POST.get("text", ""), actor, timezone.now())

    if fault := attempt(request, "note", do):
        return shown_page(request, key, fault)
    return done(request, _("批注已写下。"), reverse("board-view", args=[key]))


@require_POST
@needs("board.annotate")
def withdraw(request: HttpRequest, key: str, annotation_id: int) -> HttpResponse:
    """Take back an annotation."""
    services.withdraw(key, annotation_id, actor_of(request))
    return done(request, _("批注已撤回。"), reverse("board-view", args=[key]))


def _page(
    request: HttpRequest, actor: Actor, saved: Saved, view: BoardView, at: dt.datetime | None, fault: Fault | None, *, wall: bool
) -> BoardPage:
    key, now = saved.spec.key, timezone.now()
    live: dict[str, Any] | None = None
    if at is None:
        refresh = reverse("board-tiles", args=[key]) + ("?wall=1" if wall else "")
        streams = any(tile.kind == "map" for tile in saved.spec.tiles)
        kinds = ["figure", "alert", "case", "message", *(["rows"] if streams else [])]
        live = {**live_settings(request, refresh), "every": REFRESH_MS, "after": AFTER_MS, "kinds": kinds}
    mine = () if wall or actor.account_id is None else tuple(reports.own_reports(saved.board_id, actor))
    return BoardPage(
        saved=saved, view=view, name=saved.name, beside=_beside(actor), body=_tiles(view, wall=wall), live=live,
        at=_local(at or now), first=_local(now - SLIDER), last=_local(now),
        query=f"?at={_local(at)}" if at else "", early=at is not None and at < saved.saved_at,
        may_edit=not wall and queries.may_edit(saved.spec, actor),
        may_annotate=not wall and may(actor, "board.annotate"),
        may_schedule=not wall and actor.account_id is not None and may(actor, "board.schedule"),
        versions=() if wall or not may(actor, "board.read") else tuple(queries.versions(saved.board_id)[:20]),
        reports=mine, mails=reports.can_send(), has_address=bool(getattr(request.user, "email", "")), fault=fault,
    )  # fmt: skip


def _tiles(view: BoardView, *, swap: bool = False, wall: bool = False) -> str:
    return render_to_string("boards/tiles.html", {"view": view, "swap": swap, "wall": wall})


def _local(moment: dt.datetime) -> str:
    return moment.astimezone(config().zone).replace(tzinfo=None, microsecond=0).isoformat()
