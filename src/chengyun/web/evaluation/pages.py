# SPDX-License-Identifier: Apache-2.0
"""The table of an edition, two editions side by side, counting and publishing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.cases.evaluation import queries, services
from chengyun.cases.evaluation.declared import evaluated_types
from chengyun.cases.evaluation.models import Edition
from chengyun.errors import NotFound, Refused
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.evaluation.shown import Axis, Line, axis_of, doubts, line, points
from chengyun.web.shown import NOTHING

LEVELS = {"district": gettext_noop("区"), "street": gettext_noop("街道")}


@dataclass(frozen=True)
class TablePage:
    """edition: None before anything was counted. whole: whether what is published is what is there; None for a draft."""

    edition: Edition | None
    period: str
    editions: tuple[Choice, ...]
    profiles: tuple[Choice, ...]
    levels: tuple[Choice, ...]
    profile: str
    profile_name: str
    source: str
    doubts: str
    terms: tuple[tuple[str, str, bool], ...]
    level: str
    axis: Axis
    lines: tuple[Line, ...]
    may_count: bool
    may_publish: bool
    month: str
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class ChangeLine:
    unit: str
    name: str
    before: str
    after: str
    moved: str
    rank_before: str
    rank_after: str
    clear: bool


@dataclass(frozen=True)
class ComparePage:
    before: str
    after: str
    befores: tuple[Choice, ...]
    afters: tuple[Choice, ...]
    profiles: tuple[Choice, ...]
    level: str
    lines: tuple[ChangeLine, ...]


@require_safe
@needs("evaluation.read")
def table(request: HttpRequest) -> HttpResponse:
    """Show a profile's table in an edition: the newest that is published, unless another is asked for."""
    return _shown(request, None)


@require_safe
@needs("evaluation.read")
def compare(request: HttpRequest) -> HttpResponse:
    """Show how units stand in two editions."""
    actor = actor_of(request)
    known = _editions(actor)
    if len(known) < 2:
        raise NotFound(_("至少要有两版评价才能比较。"))
    after = _chosen(known, request.GET.get("after", "")) or known[0]
    others = [one for one in known if one.pk != after.pk]
    before = _chosen(others, request.GET.get("before", "")) or next((one for one in others if one.first < after.first), others[0])
    profile = _profile(after, request.GET.get("profile", ""))
    queries.profile_of(before, profile)
    level = queries.level_of(after.declared["profiles"][profile]["dimension"], request.GET.get("level", ""))
    found = queries.changes(actor, before, after, profile, level)
    page = ComparePage(
        period_of(before),
        period_of(after),
        _choices(known, before),
        _choices(known, after),
        _profile_choices(after, profile),
        level,
        tuple(_change_line(one) for one in found),
    )
    return render(request, "evaluation/compare.html", {"page": page})


@require_POST
@needs("evaluation.count")
def count(request: HttpRequest) -> HttpResponse:
    """Count a month into a draft."""
    actor = actor_of(request)

    def do() -> None:
        types = evaluated_types()
        if not types:
            raise Refused(_("没有可评价的案件类型。"), code="nothing_declared")
        first, last = services.month_of(request.POST.get("month", ""))
        services.count(types[0], first, last, actor, timezone.now(), note=request.POST.get("note", ""))

    fault = attempt(request, "count", do)
    return _shown(request, fault) if fault else done(request, _("已统计，为草稿；核对后发布。"), reverse("evaluation"))


@require_POST
@needs("evaluation.publish")
def publish(request: HttpRequest, edition_id: int) -> HttpResponse:
    """Freeze an edition."""
    actor = actor_of(request)
    fault = attempt(
        request, "publish", lambda: services.publish(edition_id, actor, timezone.now(), note=request.POST.get("note", ""))
    )  # fmt: skip
    back = f"{reverse('evaluation')}?edition={edition_id}"
    return _shown(request, fault) if fault else done(request, _("已发布并冻结。"), back)


def period_of(edition: Edition) -> str:
    """Return the name of an edition: its month or days, its number from the second on, whether it is a draft."""
    whole_month = edition.first.day == 1 and (edition.last + dt.timedelta(days=1)).day == 1
    one_month = whole_month and (edition.first.year, edition.first.month) == (edition.last.year, edition.last.month)
    name = f"{edition.first:%Y-%m}" if one_month else f"{edition.first} – {edition.last}"
    if edition.number > 1:
        name += " " + _("第 %d 版") % edition.number
    return name if edition.published_at else f"{name} {_('草稿')}"


def _shown(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    page = read_table(actor_of(request), request.GET, fault)
    return render(request, "evaluation/table.html", {"page": page}, status=fault.status if fault else 200)


def read_table(actor: Actor, given: Mapping[str, str], fault: Fault | None = None) -> TablePage:
    """Return the page of a table. Raises NotFound for an edition or profile there is not."""
    known = _editions(actor)
    edition = _chosen(known, given.get("edition", "")) or next(
        (one for one in known if one.published_at), known[0] if known else None
    )
    today = timezone.localdate()
    month = f"{today.replace(day=1) - dt.timedelta(days=1):%Y-%m}"
    rights = (may(actor, "evaluation.count"), may(actor, "evaluation.publish"))
    if edition is None:
        return TablePage(
            None, "", (), (), (), "", "", "", "", (), "", Axis(0, 100), (), *rights, month, fault, timezone.now()
        )  # fmt: skip
    key = _profile(edition, given.get("profile", ""))
    profile: Mapping[str, Any] = queries.profile_of(edition, key)
    level = queries.level_of(profile["dimension"], given.get("level", ""))
    rows = queries.league(actor, edition, key, level)
    axis = axis_of(rows)
    levels = LEVELS if profile["dimension"] == "area" else {}
    return TablePage(
        edition=edition,
        period=period_of(edition),
        editions=_choices(known, edition),
        profiles=_profile_choices(edition, key),
        levels=tuple(Choice(one, name, one == level) for one, name in levels.items()),
        profile=key,
        profile_name=profile["name"],
        source=profile["source"],
        doubts=doubts(edition, key),
        terms=tuple((one["name"], f"{one['weight']:g} %", one["low"]) for one in profile["terms"]),
        level=level,
        axis=axis,
        lines=tuple(line(row, axis, profile) for row in rows),
        may_count=rights[0],
        may_publish=rights[1] and edition.published_at is None,
        month=month,
        fault=fault,
        as_of=timezone.now(),
    )


def _editions(actor: Actor) -> list[Edition]:
    return [one for key in evaluated_types() for one in queries.editions(actor, key)]


def _chosen(known: Sequence[Edition], wanted: str) -> Edition | None:
    return next((one for one in known if str(one.pk) == wanted), None)


def _profile(edition: Edition, wanted: str) -> str:
    known: Mapping[str, Mapping[str, Any]] = edition.declared["profiles"]
    first = next((key for key, one in known.items() if one["dimension"] == "department"), next(iter(known)))
    return wanted if wanted in known else first


def _choices(known: Sequence[Edition], chosen: Edition) -> tuple[Choice, ...]:
    return tuple(Choice(str(one.pk), period_of(one), one.pk == chosen.pk) for one in known)


def _profile_choices(edition: Edition, chosen: str) -> tuple[Choice, ...]:
    return tuple(Choice(key, one["name"], key == chosen) for key, one in edition.declared["profiles"].items())


def _change_line(one: queries.Change) -> ChangeLine:
    before, after = (row.value if row else None for row in (one.before, one.after))
    moved = NOTHING if before is None or after is None else f"{after - before:+.1f}"
    first, then = (str(row.order) if row and row.order else NOTHING for row in (one.before, one.after))
    return ChangeLine(one.unit, one.name, points(before), points(after), moved, first, then, one.clear)
