# SPDX-License-Identifier: Apache-2.0
"""What became of residents' reports, for everybody: how many, how fast and how often in time, by district and category."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chengyun.access.actors import SYSTEM
from chengyun.access.views import public
from chengyun.cases.intake.thinking import report_type
from chengyun.cases.statistics import queries
from chengyun.cases.statistics.queries import Asked, By, Counts, Row, Span
from chengyun.web.statistics.asking import months_before, steps
from chengyun.web.statistics.drawing import Trend, trend
from chengyun.web.statistics.naming import names_of_keys, step_name, step_says

MONTHS = 12
MOST = 40


@dataclass(frozen=True, slots=True)
class PublicLine:
    name: str
    counts: Counts


@dataclass(frozen=True)
class PublicPage:
    span: Span
    whole: Counts
    open_now: int
    trend: Trend
    months: tuple[PublicLine, ...]
    districts: tuple[PublicLine, ...]
    categories: tuple[PublicLine, ...]
    as_of: dt.datetime


@require_safe
@public
def reports_statistics(request: HttpRequest) -> HttpResponse:
    """Show the last twelve months. Numbers of things, not of people: they are the same for everybody."""
    today = timezone.localdate()
    span = Span(months_before(today.replace(day=1), MONTHS - 1), today)
    asked = Asked(types=(report_type(),))
    (months,) = queries.series(SYSTEM, asked, "month", [span])
    lines = tuple(PublicLine(step_name(first, "month"), months.get(first, Counts())) for first in steps(span, "month"))
    pictured = trend(
        [one.counts["opened"] for one in lines], [one.counts["closed"] for one in lines], [None] * len(lines),
        [step_says(one.name, one.counts) for one in lines],
    )  # fmt: skip
    districts = queries.broken_down(SYSTEM, asked, "month", "area", [span])
    categories = queries.broken_down(SYSTEM, asked, "month", "category", [span])[:MOST]
    page = PublicPage(
        span, sum(months.values(), Counts()), queries.backlog(SYSTEM, asked), pictured, lines,
        _lines("area", districts, asked), _lines("category", categories, asked), timezone.now(),
    )  # fmt: skip
    return render(request, "statistics/public.html", {"page": page})


def _lines(by: By, rows: list[Row], asked: Asked) -> tuple[PublicLine, ...]:
    names = names_of_keys(by, [row.key for row in rows], asked)
    return tuple(PublicLine(names[row.key], row.now) for row in rows)
