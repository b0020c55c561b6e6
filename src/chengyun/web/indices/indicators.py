# SPDX-License-Identifier: Apache-2.0
"""Indicators: all that are declared, pack by pack; and one: its figure beside its goal, its plan, other years and its peers, and
the ways on from it, to the map, to the thing that is measured, to its formula."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.hints import meant
from chengyun.access.policy import scope
from chengyun.access.views import public
from chengyun.city import City, Indicator, qualify
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.operate.boards.definitions import page_of
from chengyun.operate.forecasts.models import Issue
from chengyun.operate.forecasts.reading import dataset_of
from chengyun.operate.indices.comparing import Comparison, compare, goal_on
from chengyun.operate.queries import FigureView, figure_series, newest_figures, ranking, subject_names
from chengyun.web import shown
from chengyun.web.figures import tile
from chengyun.web.indices.drawing import Course, course
from chengyun.web.indices.pages import LENGTH, STEPS, BesideLine, beside
from chengyun.web.places import area_names, said
from chengyun.web.tiles import Tile

__all__ = ["listing", "one"]

MOST = 60
"""Subjects of a ranking that are shown."""
PERIODS: Mapping[str, str | Promise] = {
    "hour": gettext_lazy("小时"), "day": gettext_lazy("日"), "month": gettext_lazy("月"), "year": gettext_lazy("年"),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """An indicator in the list. whose: what it is told of. newest: the city's newest figure, where it is told of areas."""

    key: str
    name: str
    whose: str
    period: str | Promise
    unit: str
    newest: Tile | None
    goal: str
    source: str


@dataclass(frozen=True)
class Pack:
    key: str
    name: str
    owner: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Peer:
    """A subject in the ranking. share: of the largest, 0 to 1."""

    subject: str
    name: str
    tile: Tile
    share: float
    here: bool


@dataclass(frozen=True)
class OnePage:
    """An indicator, of one subject. goals: (in force from, what, source, reservation, whether it counts today). entity, page,
    forecast: addresses of the thing, of the pack's page with its map, of its forecast; empty where there is none."""

    key: str
    declared: Indicator
    subject: str
    subject_name: str
    subjects: tuple[tuple[str, str], ...]
    tile: Tile
    beside: tuple[BesideLine, ...]
    goals: tuple[tuple[dt.date, str, str, str, bool], ...]
    detail: tuple[tuple[str, str, str], ...]
    course: Course | None
    course_rows: tuple[tuple[str, str], ...]
    peers: tuple[Peer, ...]
    entity: str
    page: str
    forecast: str
    decimals: int
    as_of: dt.datetime


@require_safe
@never_cache
@public
def listing(request: HttpRequest) -> HttpResponse:
    """Show every indicator the reader may see figures of, pack by pack."""
    actor, now, city = actor_of(request), timezone.now(), _city()
    known = {key: one for key, one in city.indicators.items() if scope(actor, key).allowed and key not in city.indices}
    areas = [key for key, one in known.items() if one.subject == "area"]
    newest = newest_figures(areas, [config().city], actor, now)
    packs: dict[str, list[Entry]] = {}
    for key, declared in known.items():
        packs.setdefault(key.split(".")[0], []).append(_entry(key, declared, newest.get((key, config().city)), now))
    page = [Pack(key, city.packs[key].pack.name, city.packs[key].pack.owner, tuple(entries)) for key, entries in packs.items()]
    return render(request, "indices/indicators.html", {"packs": page, "as_of": now})


@require_safe
@never_cache
@public
def one(request: HttpRequest, key: str) -> HttpResponse:
    """Show an indicator of a subject (`?area=`): an area, or a thing; when nothing is said the city, or what leads."""
    actor, city = actor_of(request), _city()
    if key not in city.indicators or not scope(actor, key).allowed:
        raise NotFound(_("没有指标 %s。") % key + meant(key, [one for one in city.indicators if scope(actor, one).allowed]))
    if key in city.indices:
        query = f"?{urlencode({'area': request.GET['area']})}" if request.GET.get("area") else ""
        return HttpResponseRedirect(reverse("index", args=[key]) + query)
    return render(
        request, "indices/indicator.html", {"page": _page(key, request.GET.get("area", "")[:64], actor, timezone.now())}
    )


def _city() -> City:
    city: City = settings.CITY
    return city


def _entry(key: str, declared: Indicator, newest: FigureView | None, now: dt.datetime) -> Entry:
    goal = goal_on(declared, _city().limits(key), timezone.localdate(now), None)
    return Entry(
        key, declared.name, _whose(key, declared), PERIODS[declared.period], declared.unit,
        tile(newest) if newest is not None and newest.id is not None else None,
        f"{'≥' if goal.sense == 'at least' else '≤'} {goal.value:g}" if goal else "", declared.source,
    )  # fmt: skip


def _whose(key: str, declared: Indicator) -> str:
    if declared.subject == "area":
        return _("区域")
    return _(_city().entities[qualify(key.split(".")[0], declared.subject)].name)


def _page(key: str, asked: str, actor: Actor, now: dt.datetime) -> OnePage:
    city = _city()
    declared, areas = city.indicators[key], city.indicators[key].subject == "area"
    ranked = _ranked(key, asked, actor, now)
    subject = asked or (config().city if areas else next((one.subject for one in ranked), ""))
    newest = newest_figures([key], [subject], actor, now)[key, subject]
    start = newest.period_start
    names = area_names() if areas else subject_names(key, [subject])
    series = figure_series(key, subject, start - STEPS * LENGTH[declared.period], now, actor, now)[-STEPS:] if start else []
    says = [f"{shown.period(one.period_start, declared.period)}：{shown.number(one.value, declared.decimals)}"
            for one in series if one.period_start]  # fmt: skip
    compared = compare(key, subject, start, actor) if start else None
    entity = "" if areas else qualify(key.split(".")[0], declared.subject)
    found = page_of(city, key)
    return OnePage(
        key=key, declared=declared, subject=subject, subject_name=names.get(subject, subject),
        subjects=tuple(_subjects(subject, ranked, areas=areas)), tile=tile(newest, names.get(subject, subject)),
        beside=beside(_with_goal(compared, declared, key, now), declared, key, subject, actor), goals=_goals(key, declared, now),
        detail=_detail(declared, newest), course=course([one.value for one in series], says),
        course_rows=tuple((shown.period(one.period_start, declared.period), shown.number(one.value, declared.decimals))
                          for one in reversed(series) if one.period_start),
        peers=_peers(ranked, subject), entity=reverse("entity", args=[entity, subject]) if entity and subject else "",
        page=reverse("pack-page", args=found) if found else "", forecast=_forecast(key, subject, actor),
        decimals=declared.decimals, as_of=now,
    )  # fmt: skip


def _with_goal(compared: Comparison | None, declared: Indicator, key: str, now: dt.datetime) -> Comparison:
    """Return a comparison that names the goal of today also where there is no figure yet."""
    if compared is not None:
        return compared
    return Comparison(None, None, None, None, 0, goal_on(declared, _city().limits(key), timezone.localdate(now), None))


def _ranked(key: str, subject: str, actor: Actor, now: dt.datetime) -> list[FigureView]:
    """Return the newest figures of a subject's peers: areas of its level, else everything there is, the largest first."""
    if _city().indicators[key].subject != "area":
        found = ranking(key, actor, now=now)
        newest = max((one.period_start for one in found if one.period_start), default=None)
        return [one for one in found if one.period_start == newest and one.value is not None]
    level = "street" if len(subject) > 6 else "district"
    codes = [code for code in area_names(level) if not code[:6].endswith("00")]
    return [one for one in ranking(key, actor, subjects=codes, now=now) if one.id is not None]


def _subjects(subject: str, ranked: Sequence[FigureView], *, areas: bool) -> list[tuple[str, str]]:
    if areas:
        names = area_names()
        codes = [config().city, *area_names("district"), subject]
        return [(code, names.get(code, code)) for code in dict.fromkeys(codes)]
    return sorted({(one.subject, one.subject_name) for one in ranked[: MOST * 5]}, key=lambda it: it[1])


def _peers(ranked: Sequence[FigureView], subject: str) -> tuple[Peer, ...]:
    highest = max((abs(one.value) for one in ranked if one.value is not None), default=0.0)
    return tuple(
        Peer(
            one.subject, one.subject_name, tile(one), round(abs(one.value) / highest, 3) if one.value and highest else 0.0,
            one.subject == subject,
        )
        for one in ranked[:MOST]
    )  # fmt: skip


def _goals(key: str, declared: Indicator, now: dt.datetime) -> tuple[tuple[dt.date, str, str, str, bool], ...]:
    """Return every edition of the goal: from which day, what, by which source, with which reservation, and whether it counts."""
    if declared.goal is None:
        return ()
    sense, table, entry = declared.goal
    limits, today = _city().limits(key), timezone.localdate(now)
    current = goal_on(declared, limits, today, None)
    return tuple(
        (one.in_force, f"{'≥' if sense == 'at least' else '≤'} {float(one[entry]):g}", said(one.source), one.note,
         current is not None and current.in_force == one.in_force)
        for one in reversed(limits.editions(table))
    )  # fmt: skip


def _detail(declared: Indicator, newest: FigureView) -> tuple[tuple[str, str, str], ...]:
    """Return what the formula says beside the value: its name, as shown, its unit."""
    found = []
    for key, (name, unit) in declared.columns.items():
        value = newest.detail.get(key)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            text = value if isinstance(value, str) else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
            found.append((name, _(text) if isinstance(value, str) else text, "" if unit == "1" else unit))
    return tuple(found)


def _forecast(key: str, subject: str, actor: Actor) -> str:
    """Return the address of the forecast of a figure, where one was made and the reader may see it; else nothing."""
    if not scope(actor, "forecasts").allowed:
        return ""
    for name in _city().forecasts:
        if dataset_of(name) == key and Issue.objects.filter(forecast=name, subject=subject).exists():
            return reverse("forecast", args=[name, subject])
    return ""
