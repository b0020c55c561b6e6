# SPDX-License-Identifier: Apache-2.0
"""Decisions: the list by state, and one with its evidence, what was expected and whether it came."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, require_scope, scope
from chengyun.access.views import reads
from chengyun.areas.queries import name_of
from chengyun.govern.decisions.evidence import Shown, shown
from chengyun.govern.decisions.models import Decision, Evaluation, Evidence, Expectation
from chengyun.govern.decisions.services import get_for
from chengyun.operate.queries import subject_names
from chengyun.web.decisions.drawing import Course, course
from chengyun.web.decisions.words import ASSUMES, REASONS, SIZES, STATES, TONES, verdict
from chengyun.web.desk.deeds import Fault
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number

SIZE = 50
STATE_TONES = {"draft": "missing", "decided": "partial", "review": "stale", "evaluated": "fresh"}
FIELDS: Mapping[str, str | Promise] = {
    "question": _("要决定什么"), "background": _("背景"), "area_code": _("区域"), "organisation_id": _("牵头部门"),
    "options": _("方案"),
    "decider": _("由谁决定"), "decide_by": _("何时前决定"), "chosen": _("决定"), "reason": _("理由"), "starts_on": _("起始日"),
    "review_on": _("复核日"), "state": _("状态"), "conclusion": _("结论"), "unmeasured": _("不作衡量的原因"),
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    value: str
    name: str | Promise
    count: int
    chosen: bool


@dataclass(frozen=True)
class Row:
    """A decision in the list. late: its review or its deciding is overdue."""

    decision: Decision
    area: str
    tone: str
    late: bool


@dataclass(frozen=True)
class ListPage:
    rows: Listed[Row]
    states: tuple[Choice, ...]
    whole: int
    may_write: bool
    as_of: dt.datetime


@dataclass(frozen=True)
class Judged:
    """A judgement as shown. found: one sentence of numbers. hidden: the reader may not see the indicator."""

    evaluation: Evaluation
    state: str | Promise
    tone: str
    found: str
    size: str | Promise
    reasons: tuple[str | Promise, ...]
    assumes: tuple[str | Promise, ...]
    picture: Course | None


@dataclass(frozen=True)
class ExpectedView:
    """What is expected, and the newest judgement of it. older: how many there were before."""

    expectation: Expectation
    indicator: str
    unit: str
    treated: tuple[str, ...]
    others: tuple[str, ...]
    judged: Judged | None
    waiting: bool
    older: int
    visible: bool


@dataclass(frozen=True)
class Grounds:
    """A piece of evidence and where it leads, "" for what this reader may not open."""

    shown: Shown
    kind: str | Promise
    href: str


@dataclass(frozen=True)
class Version:
    at: dt.datetime
    changed: tuple[str | Promise, ...]
    state: str | Promise


@dataclass(frozen=True)
class OnePage:
    decision: Decision
    area: str
    tone: str
    states: tuple[tuple[str | Promise, str], ...]
    grounds: tuple[Grounds, ...]
    expected: tuple[ExpectedView, ...]
    versions: tuple[Version, ...]
    indicators: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str | Promise], ...]
    may_write: bool
    may_decide: bool
    waiting: bool
    fault: Fault | None
    today: dt.date
    as_of: dt.datetime


@require_safe
@never_cache
@reads("decisions")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the decisions, by state."""
    actor, now = actor_of(request), timezone.now()
    today = timezone.localdate(now)
    (state,) = asked(request, "state")
    known = Decision.objects.filter(require_scope(actor, "decisions").q())
    counts = Counter(known.order_by().values_list("state", flat=True))
    found = _of_state(known, state).select_related("organisation")
    number = page_number(request)
    rows = [_row(one, today) for one in found[(number - 1) * SIZE : number * SIZE + 1]]
    page = ListPage(
        rows=Listed(tuple(rows[:SIZE]), number, len(rows) > SIZE, filters_of(request.GET)),
        states=tuple(Choice(key, name, counts[key], key == state) for key, name in Decision.State.choices if counts[key]),
        whole=sum(counts.values()),
        may_write=may(actor, "decision.write"),
        as_of=now,
    )
    return render(request, "decisions/list.html", {"page": page})


@require_safe
@never_cache
@reads("decisions")
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show a decision."""
    return show(request, number)


def show(request: HttpRequest, number: int, fault: Fault | None = None) -> HttpResponse:
    """Show a decision, and what was refused. Raises NotFound."""
    actor = actor_of(request)
    held = get_for(number, actor)
    expected = tuple(_expected(one, actor) for one in held.expectations.prefetch_related("evaluations"))
    places = list(Decision.State)
    at = places.index(Decision.State(held.state))
    city = settings.CITY.indicators
    page = OnePage(
        decision=held,
        area=_area(held.area_code),
        tone=STATE_TONES[held.state],
        states=tuple((one.label, "done" if index < at else "now" if index == at else "next") for index, one in enumerate(places)),
        grounds=tuple(Grounds(one, Evidence.Kind(one.kind).label, _href(one)) for one in shown(held, actor)),
        expected=expected,
        versions=_versions(held),
        indicators=tuple((key, one.name) for key, one in city.items() if scope(actor, key).allowed)
        if held.state == "draft"
        else (),
        kinds=tuple(Evidence.Kind.choices),
        may_write=may(actor, "decision.write", held.area_code),
        may_decide=may(actor, "decision.decide", held.area_code),
        waiting=any(one.waiting for one in expected),
        fault=fault,
        today=timezone.localdate(),
        as_of=timezone.now(),
    )
    return render(request, "decisions/one.html", {"page": page}, status=fault.status if fault else 200)


def _of_state(known: QuerySet[Decision], state: str) -> QuerySet[Decision]:
    return known.filter(state=state) if state else known


def _row(held: Decision, today: dt.date) -> Row:
    due = held.decide_by if held.state == Decision.State.DRAFT else held.review_on
    late = held.state != Decision.State.EVALUATED and due is not None and due < today
    return Row(held, _area(held.area_code), STATE_TONES[held.state], late)


def _area(code: str) -> str:
    return name_of(code) if code else str(_("全市"))


def _expected(one: Expectation, actor: Actor) -> ExpectedView:
    known = settings.CITY.indicators.get(one.indicator)
    visible = known is not None and scope(actor, one.indicator).allowed
    names = subject_names(one.indicator, [*one.treated, *one.others]) if visible else {}
    evaluations = list(one.evaluations.all())
    done = [it for it in evaluations if it.state != Evaluation.State.ASKED]
    unit = known.unit if known else ""
    return ExpectedView(
        expectation=one,
        indicator=known.name if known else one.indicator,
        unit="" if unit == "1" else unit,
        treated=tuple(names.get(code, code) for code in one.treated),
        others=tuple(names.get(code, code) for code in one.others),
        judged=_judged(done[0], unit) if done and visible else None,
        waiting=len(done) < len(evaluations),
        older=max(0, len(done) - 1),
        visible=visible,
    )


def _judged(evaluation: Evaluation, unit: str) -> Judged:
    result: Mapping[str, Any] = evaluation.result
    state = result.get("state", "refused")
    return Judged(
        evaluation=evaluation,
        state=STATES[state] if result else _("没有算出"),
        tone=TONES[state],
        found=verdict(result, unit),
        size=SIZES.get(result.get("size", ""), "") if state in ("as_expected", "not_shown") else "",
        reasons=tuple(REASONS.get(one, one) for one in result.get("reasons", ())),
        assumes=tuple(ASSUMES.get(one, one) for one in result.get("assumes", ())) if state != "refused" else (),
        picture=course(result),
    )


def _href(one: Shown) -> str:
    if not one.name:
        return ""
    if one.kind == Evidence.Kind.DOCUMENT:
        return one.reference if one.reference.startswith(("https://", "http://")) else ""
    names = {"alert": "alert", "case": "case", "figure": "why", "run": "whatif-run"}
    try:
        return reverse(names[one.kind], args=[one.reference])
    except NoReverseMatch:
        return ""


def _history(held: Decision) -> Any:
    return held.events.order_by("pgh_id")  # type: ignore[attr-defined]  # kept by trigger (city.models.tracked)


def _versions(held: Decision) -> tuple[Version, ...]:
    """Return every version that was kept, the newest first, with what changed."""
    found, before = [], None
    for event in _history(held):
        changed = tuple(
            name for field, name in FIELDS.items() if before is not None and getattr(event, field) != getattr(before, field)
        )
        found.append(Version(event.pgh_created_at, changed, Decision.State(event.state).label))
        before = event
    return tuple(reversed(found))
