# SPDX-License-Identifier: Apache-2.0
"""What the plans promise and where it stands: the list by state, one target with its values, two that disagree side by side."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs, reads
from chengyun.errors import Problem
from chengyun.govern import services
from chengyun.govern.models import Target
from chengyun.govern.queries import Conflict, TargetView, conflicts, target, targets
from chengyun.web import shown
from chengyun.web.days import day_of

STATES: Mapping[str, str | Promise] = {
    "met": _("已达到"), "likely": _("预计达到"), "open": _("尚无定论"), "unlikely": _("预计达不到"), "missed": _("未达到"),
    "no_data": _("没有数据"), "no_number": _("不是数字"), "rule": _("基数与规则"),
}  # fmt: skip
TONES = {"met": "fresh", "likely": "fresh", "open": "partial", "unlikely": "stale", "missed": "stale"}


@dataclass(frozen=True)
class Line:
    """One target as shown. asked: relation, value and unit as printed. tone: of the state's mark."""

    view: TargetView
    name: str
    asked: str
    newest: str
    state: str | Promise
    tone: str
    percent: int | None


@dataclass(frozen=True)
class Side:
    """One of two targets that may contradict each other. asked: relation, value and unit as printed."""

    key: str
    name: str
    asked: str
    where: str


@dataclass(frozen=True)
class Pair:
    first: Side
    second: Side
    year: str


@dataclass(frozen=True)
class Choice:
    value: str
    name: str | Promise
    count: int
    chosen: bool


@dataclass(frozen=True)
class Page:
    lines: tuple[Line, ...]
    states: tuple[Choice, ...]
    documents: tuple[Choice, ...]
    conflicts: tuple[Pair, ...]
    whole: int
    as_of: dt.datetime


@require_safe
@never_cache
@reads("targets")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the targets, by state and document."""
    now = timezone.now()
    known = targets(actor_of(request), timezone.localdate(now))
    state, document = request.GET.get("state", ""), request.GET.get("document", "")
    states = Counter(str(one.standing.state) for one in known)
    documents = Counter(one.target.document for one in known)
    shown = [
        one for one in known
        if (not state or one.standing.state == state) and (not document or one.target.document == document)
    ]  # fmt: skip
    page = Page(
        lines=tuple(_line(one) for one in shown),
        states=tuple(Choice(key, name, states[key], key == state) for key, name in STATES.items() if states[key]),
        documents=tuple(Choice(key, key, count, key == document) for key, count in sorted(documents.items())),
        conflicts=_pairs(conflicts([one.target for one in known])),
        whole=len(known),
        as_of=now,
    )
    return render(request, "govern/list.html", {"page": page})


@require_safe
@never_cache
@reads("targets")
def one(request: HttpRequest, key: str) -> HttpResponse:
    """Show a target, its values with their sources, and how its standing was found."""
    actor = actor_of(request)
    found = target(key, actor, timezone.localdate())
    near = [
        pair for pair in conflicts(list(Target.objects.filter(withdrawn_at=None))) if key in (pair.first.key, pair.second.key)
    ]
    context = {
        "line": _line(found), "conflicts": _pairs(near),
        "undecided": _undecided(found, timezone.localdate()), "indicators": settings.CITY.indicators,
        "today": timezone.localdate(),
        "may_report": may(actor, "target.report") and found.target.low is not None and found.target.kind == "target",
        "may_link": may(actor, "target.load") and found.target.kind == "target",
    }  # fmt: skip
    return render(request, "govern/one.html", context)


@require_POST
@needs("target.report")
def tell(request: HttpRequest, key: str) -> HttpResponse:
    """Keep a reported value."""
    given = request.POST
    try:
        day = day_of(given.get("day", ""))
        value = float(given.get("value", "").replace(",", "").strip())
    except ValueError:
        messages.error(request, _("请填写截至日期和一个数。"))
        return redirect("target", key=key)
    try:
        services.report(key, day, value, given.get("source", ""), actor_of(request), timezone.now())
        messages.success(request, _("已记下。"))
    except Problem as wrong:
        messages.error(request, wrong.sentence)
    return redirect("target", key=key)


@require_POST
@needs("target.load")
def measure(request: HttpRequest, key: str) -> HttpResponse:
    """Measure a target by an indicator."""
    try:
        services.link(key, request.POST.get("indicator", ""), request.POST.get("subject", ""), actor_of(request))
        messages.success(request, _("已记下。"))
    except Problem as wrong:
        messages.error(request, wrong.sentence)
    return redirect("target", key=key)


def _line(view: TargetView) -> Line:
    held, found = view.target, view.standing
    return Line(
        view,
        _named(held),
        _asked(held),
        f"{found.newest[1]:g}" if found.newest else "—",
        STATES[found.state],
        TONES.get(found.state, "missing"),
        round(found.progress * 100) if found.progress is not None else None,
    )


def _named(held: Target) -> str:
    english = (get_language() or "").startswith("en")
    return held.name_en if english and held.name_en else held.name


def _asked(held: Target) -> str:
    return f"{shown.relation(held.comparator)} {held.value} {'' if held.unit == 'milestone' else shown.unit(held.unit)}".strip()


def _pairs(found: Sequence[Conflict]) -> tuple[Pair, ...]:
    def side(held: Target) -> Side:
        return Side(held.key, _named(held), _asked(held), f"{held.document} {held.section}".strip())

    return tuple(Pair(side(one.first), side(one.second), one.first.year) for one in found)


def _undecided(view: TargetView, today: dt.date) -> str | Promise:
    """Return why nothing is said ahead of a target that is still open; "" where something is, or there is no value."""
    held, found = view.target, view.standing
    if found.state != "open" or found.forecast is not None:
        return ""
    if held.by is None:
        return _("规划没有写明期限，不作推算。")
    if today > held.by:
        return _("期限已过，而没有那一年的数值，不能说达到与否。")
    if all(day > held.by for day, _value, _source in view.values):
        return _("数值都在期限之后。")
    return _("数值不足四个，不作推算。")
