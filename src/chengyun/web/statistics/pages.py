# SPDX-License-Identifier: Apache-2.0
"""How many cases there were: figures, their course in time, and what they are made of, down to the list of the cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import signed_in
from chengyun.cases.models import Case
from chengyun.cases.statistics import queries
from chengyun.cases.statistics.queries import Counts, Row, Span
from chengyun.city import City
from chengyun.web.desk.alerts import Choice
from chengyun.web.statistics.asking import Question, coarsened, read_question, step_span, steps
from chengyun.web.statistics.drawing import Trend, trend
from chengyun.web.statistics.naming import areas_to_choose, bodies, categories_to_choose, names_of_keys, step_name, step_says

__all__ = ["Line", "StatisticsPage", "Step", "read_page", "statistics"]

BY = {
    "area": gettext_noop("区域"), "category": gettext_noop("类别"), "department": gettext_noop("责任部门"),
    "source": gettext_noop("来源"),
}  # fmt: skip
GRAINS = {"day": gettext_noop("日"), "week": gettext_noop("周"), "month": gettext_noop("月")}
COMPARED = {"prior": gettext_noop("上一时段（环比）"), "year": gettext_noop("去年同期（同比）"), "none": gettext_noop("不比较")}
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over the page. value, before: None where they are not known. kind: "count", "share" or "days"."""

    name: str
    value: float | None
    before: float | None
    kind: str
    href: str = ""
    note: str = ""

    @property
    def change(self) -> str:
        """Return the change in words; "" where there is nothing to compare."""
        if self.value is None or self.before is None:
            return ""
        if self.kind == "share":
            return f"{(self.value - self.before) * 100:+.1f} {_('个百分点')}"
        if self.kind == "days":
            return f"{self.value - self.before:+.1f}"
        return f"{(self.value - self.before) / self.before * 100:+.1f} %" if self.before else ""


@dataclass(frozen=True, slots=True)
class Step:
    """A day, week or month. opened, closed: addresses of the cases themselves."""

    name: str
    now: Counts
    then: Counts | None
    opened: str
    closed: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of what the counts are made of. narrow: the address of the page about it alone; "" where there is none."""

    name: str
    now: Counts
    then: Counts | None
    change: str
    width: float
    narrow: str
    opened: str
    closed: str


@dataclass(frozen=True)
class StatisticsPage:
    question: Question
    compared_with: Span | None
    by_name: str
    figures: tuple[Figure, ...]
    trend: Trend
    steps: tuple[Step, ...]
    lines: tuple[Line, ...]
    more: int
    types: tuple[Choice, ...]
    grains: tuple[Choice, ...]
    compares: tuple[Choice, ...]
    areas: tuple[Choice, ...]
    categories: tuple[tuple[str, tuple[Choice, ...]], ...]
    departments: tuple[Choice, ...]
    sources: tuple[Choice, ...]
    tabs: tuple[tuple[str, str, bool], ...]
    file: str
    simulated: int
    whole_months: bool
    as_of: dt.datetime


@require_safe
@signed_in
def statistics(request: HttpRequest) -> HttpResponse:
    """Show the counts of the cases the reader may see."""
    page = read_page(actor_of(request), request.GET)
    return render(request, "statistics/statistics.html", {"page": page})


def read_page(actor: Actor, given: Any) -> StatisticsPage:
    """Return the page an address asks for. Raises Refused."""
    city: City = settings.CITY
    today = timezone.localdate()
    seen = queries.areas_of(actor)
    question = read_question(given, seen, today)
    asked = question.asked
    finest = queries.grain_for(actor, asked, question.grain, question.by, question.spans)
    question = coarsened(question, finest, today)
    spans = question.spans
    now, *before = queries.series(actor, asked, question.grain, spans)
    rows = queries.broken_down(actor, asked, question.grain, question.by, spans)
    whole, then = sum(now.values(), Counts()), sum(before[0].values(), Counts()) if before else None
    shown = _steps(question, now, before[0] if before else None)
    names = names_of_keys(question.by, [row.key for row in rows], asked)
    lines = tuple(_line(question, row, names[row.key], bool(before), rows) for row in rows[:MOST_LINES])
    pictured = trend(
        [one.now["opened"] for one in shown], [one.now["closed"] for one in shown],
        [None if one.then is None else one.then["opened"] for one in shown],
        [step_says(one.name, one.now, one.then) for one in shown],
    )  # fmt: skip
    return StatisticsPage(
        question=question,
        compared_with=question.then,
        by_name=_(BY[question.by]),
        figures=_figures(question, whole, then, queries.backlog(actor, asked)),
        trend=pictured,
        steps=shown,
        lines=lines,
        more=max(0, len(rows) - MOST_LINES),
        types=tuple(Choice(key, city.cases[key].name, asked.types == (key,) and len(seen) > 1) for key in seen),
        grains=tuple(Choice(key, _(name), key == question.grain) for key, name in GRAINS.items()),
        compares=tuple(Choice(key, _(name), key == question.compared) for key, name in COMPARED.items()),
        areas=areas_to_choose(asked.area),
        categories=categories_to_choose(asked),
        departments=tuple(Choice(str(pk), name, pk == asked.department) for pk, name in bodies()),
        sources=tuple(Choice(value, str(name), value == asked.source) for value, name in Case.Source.choices),
        tabs=tuple((_(name), question.query(by=key), key == question.by) for key, name in BY.items()),
        file=question.query(),
        simulated=whole["simulated"],
        whole_months=bool(before) and _only_whole(actor, question),
        as_of=timezone.now(),
    )


def _figures(question: Question, now: Counts, then: Counts | None, open_now: int) -> tuple[Figure, ...]:
    def share(counts: Counts | None, name: str, of: str) -> float | None:
        return counts[name] / counts[of] if counts is not None and counts[of] else None

    span = question.span
    return (
        Figure(_("立案"), now["opened"], then["opened"] if then else None, "count", listed(question, "opened", span)),
        Figure(_("结案"), now["closed"], then["closed"] if then else None, "count", listed(question, "closed", span)),
        Figure(
            _("按期结案率"), now.share_in_time, then.share_in_time if then else None, "share", listed(question, "late", span),
            _("点开看逾期的"),
        ),
        Figure(_("结案用时中位数（天）"), now.median_days, then.median_days if then else None, "days", "", _("按时长分档估算")),
        Figure(_("退单率"), share(now, "returned", "opened"), share(then, "returned", "opened"), "share"),
        Figure(_("返工率"), share(now, "reworked", "opened"), share(then, "reworked", "opened"), "share"),
        Figure(_("重开率"), share(now, "reopened", "opened"), share(then, "reopened", "opened"), "share"),
        Figure(_("现在在办"), open_now, None, "count", listed(question, "open", None)),
    )  # fmt: skip


def _steps(question: Question, now: dict[dt.date, Counts], then: dict[dt.date, Counts] | None) -> tuple[Step, ...]:
    grain, found = question.grain, []
    earlier = steps(question.then, grain) if question.then else []
    for number, first in enumerate(steps(question.span, grain)):
        span = step_span(first, grain, question.span)
        before = None
        if then is not None:
            before = then.get(earlier[number], Counts()) if number < len(earlier) else Counts()
        found.append(
            Step(
                step_name(first, grain), now.get(first, Counts()), before, listed(question, "opened", span),
                listed(question, "closed", span),
            )
        )  # fmt: skip
    return tuple(found)


def _line(question: Question, row: Row, name: str, compared: bool, rows: Sequence[Row]) -> Line:
    most = max((one.now["opened"] for one in rows), default=0)
    old, new = row.then["opened"], row.now["opened"]
    narrowed: dict[str, Any] = {question.by: row.key or None}
    if question.by == "area":
        narrowed = {"area": row.key or None}
    elif row.key and question.by in ("category", "department", "source"):
        narrowed["by"] = "area"
    return Line(
        name, row.now, row.then if compared else None, f"{(new - old) / old * 100:+.0f} %" if compared and old else "",
        round(100 * new / most, 1) if most else 0.0, question.query(**narrowed) if row.key else "",
        listed(question, "opened", question.span, **narrowed) if row.key else "",
        listed(question, "closed", question.span, **narrowed) if row.key else "",
    )  # fmt: skip


def listed(question: Question, what: str, span: Span | None, **narrowed: Any) -> str:
    """Return the address of the cases that were counted. what: "opened", "closed", "late" or "open"."""
    asked = question.asked
    words: dict[str, Any] = {
        "type": asked.types[0] if len(asked.types) == 1 else "", "area": asked.area, "category": asked.category,
        "department": asked.department, "source": asked.source,
    } | {name: value for name, value in narrowed.items() if name != "by"}  # fmt: skip
    words["show"] = "" if what == "open" else "all" if what == "opened" else "late" if what == "late" else "done"
    if span is not None:
        moment = "opened" if what == "opened" else "closed"
        words |= {f"{moment}_from": span.first, f"{moment}_to": span.last}
    return urlencode({name: value for name, value in words.items() if value not in ("", None)})


def _only_whole(actor: Actor, question: Question) -> bool:
    """Say whether a month that has not ended is compared with a whole one: no sheet counts its days apart."""
    unfinished = (question.span.last + dt.timedelta(days=1)).day != 1
    return question.grain == "month" and unfinished and queries.whole_months(actor, question.asked, question.by)
