# SPDX-License-Identifier: Apache-2.0
"""What is expected and how right it has been: every forecast in one list, and one of them with all it said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import reads
from chengyun.config import config
from chengyun.operate.forecasts.models import Issue, Review
from chengyun.operate.forecasts.queries import Detail, Standing, detail, standings
from chengyun.web.forecasts.drawing import Picture, Points, Span, draw

METHODS: dict[str, str | Promise] = {
    "last_value": _("最近值"), "season_before": _("上一周期同时"), "pooled": _("共享回归"), "mstl_ets": _("多季节分解与指数平滑"),
    "ets": _("指数平滑"), "theta": _("Theta 法"), "arima": _("多季节分解与 ARIMA"),
}  # fmt: skip
PLAIN = ("last_value", "season_before")
"""The yardsticks."""
DRAWN_BEFORE = 4
"""Earlier forecasts in the picture; more would hide what came."""


@dataclass(frozen=True)
class Line:
    """One row of the list. state: how it stands, tone: of its mark. margin: by which share the method errs less in the back-test
    than the better of the two yardsticks, which decides whether it is shown; None: nothing to compare with."""

    row: Standing
    method: str | Promise
    state: str | Promise
    tone: str
    margin: float | None


@dataclass(frozen=True)
class Group:
    """A forecast with its subjects. shown: of how many it is shown."""

    key: str
    name: str
    unit: str
    lines: tuple[Line, ...]
    shown: int


@dataclass(frozen=True)
class MethodRow:
    """How one method did in the back-test. chosen: the one that is used."""

    name: str | Promise
    mae: float | None
    pinball: float | None
    covered: float | None
    chosen: bool
    plain: bool


@dataclass(frozen=True)
class PastRow:
    """One earlier forecast against what came."""

    since: dt.datetime
    count: int
    mae: float
    naive_mae: float
    pinball: float
    covered: float


@dataclass(frozen=True)
class Step:
    """One row of the newest forecast."""

    moment: dt.datetime
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class One:
    """The page of one subject."""

    found: Detail
    line: Line
    picture: Picture | None
    steps: tuple[Step, ...]
    methods: tuple[MethodRow, ...]
    past: tuple[PastRow, ...]
    issue: Issue | None


@require_safe
@never_cache
@reads("forecasts")
def listing(request: HttpRequest) -> HttpResponse:
    """Show every forecast the reader may read of, with its skill and coverage."""
    now = timezone.now()
    groups: dict[str, list[Line]] = {}
    for row in standings(actor_of(request), now):
        groups.setdefault(row.forecast, []).append(_line(row))
    page = [
        Group(key, lines[0].row.name, lines[0].row.unit, tuple(lines), sum(one.row.useful for one in lines))
        for key, lines in groups.items()
    ]
    return render(request, "forecasts/list.html", {"groups": page, "now": now})


@require_safe
@never_cache
@reads("forecasts")
def one(request: HttpRequest, key: str, subject: str) -> HttpResponse:
    """Show one subject's forecast: the next steps with their bands, the past ones against what came, and the scores."""
    found = detail(key, subject, actor_of(request), timezone.now())
    issue = found.newest
    past = found.past
    spans = [_span(one) for one in past[:DRAWN_BEFORE]] if found.standing.useful else []
    picture = draw(_actual(past), _span(issue) if issue else None, spans, found.declared.step, config().zone)
    page = One(
        found, _line(found.standing), picture, _steps(issue), _methods(found.standing), tuple(map(_past, past)), issue
    )  # fmt: skip
    return render(request, "forecasts/one.html", {"page": page})


def _line(row: Standing) -> Line:
    method = _method(row.review.method) if row.review else ""
    if row.review is None:
        return Line(row, method, _("尚未回测"), "missing", None)
    margin = _margin(row.review)
    if row.useful:
        return Line(row, method, _("展示中"), "fresh", margin)
    return Line(row, method, _("不优于基准，不作预测展示"), "stale", margin)


def _margin(review: Review) -> float | None:
    errors = {name: one["mae"] for name, one in review.table.items() if one["mae"] is not None}
    plain = [error for name, error in errors.items() if name.startswith(PLAIN)]
    if review.method not in errors or not plain or not min(plain):
        return None
    return 1.0 - float(errors[review.method]) / float(min(plain))


def _method(name: str) -> str | Promise:
    if name.startswith("season_before_"):
        return _("上一周期同时（%(steps)s 步）") % {"steps": name.rpartition("_")[2]}
    return METHODS.get(name, name)


def _methods(row: Standing) -> tuple[MethodRow, ...]:
    if row.review is None:
        return ()
    table = sorted(row.review.table.items(), key=lambda one: one[1]["mae"] if one[1]["mae"] is not None else float("inf"))
    return tuple(
        MethodRow(
            _method(name), found["mae"], found["pinball"], found["covered"], name == row.review.method,
            name.startswith(PLAIN),
        )
        for name, found in table
    )  # fmt: skip


def _moments(issue: Issue) -> list[dt.datetime]:
    return [issue.since + number * dt.timedelta(seconds=issue.step_s) for number in range(len(issue.values))]


def _span(issue: Issue) -> Span:
    return Span(_moments(issue), issue.values, issue.low, issue.high, issue.low_half, issue.high_half)


def _steps(issue: Issue | None) -> tuple[Step, ...]:
    if issue is None:
        return ()
    return tuple(Step(*row) for row in zip(_moments(issue), issue.values, issue.low, issue.high, strict=True))


def _past(issue: Issue) -> PastRow:
    score = issue.score
    count = score["count"]
    return PastRow(
        issue.since,
        count,
        score["error"] / count,
        score["naive_error"] / count,
        score["pinball"] / count,
        score["inside"] / count,
    )


def _actual(past: Sequence[Issue]) -> Points:
    """Return what came, as the issues kept it: later ones say the same of the same moments."""
    known = {at: value for issue in past for at, value in zip(_moments(issue), issue.actual, strict=True) if value is not None}
    return sorted(known.items())
