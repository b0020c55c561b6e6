# SPDX-License-Identifier: Apache-2.0
"""How much is exchanged, for everybody: a page and the same as JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.models import Organisation
from chengyun.access.rulebook import rulebook
from chengyun.access.views import public
from chengyun.share.exchange import statistics

__all__ = ["statistics_json", "statistics_page"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one body took of one dataset."""

    provider: str
    consumer: str
    dataset: str
    exchanges: int
    rows: int
    days: int


@dataclass(frozen=True, slots=True)
class StatisticsPage:
    """since, until: the days counted, the last one excluded. lines: most rows first."""

    since: dt.date
    until: dt.date
    exchanges: int
    rows: int
    lines: tuple[Line, ...]


@require_safe
@public
def statistics_page(request: HttpRequest) -> HttpResponse:
    """Show the statistics of the last days."""
    return render(request, "exchange/statistics.html", {"page": _page(statistics.published())})


@require_safe
@public
def statistics_json(request: HttpRequest) -> HttpResponse:
    """Return the statistics, by day."""
    return JsonResponse(statistics.published(), json_dumps_params={"ensure_ascii": False})


def _page(told: dict[str, Any]) -> StatisticsPage:
    names = dict(Organisation.objects.values_list("key", "name"))
    datasets = rulebook().datasets
    sums: dict[tuple[str, str, str], list[int]] = {}
    for day in told["days"]:
        found = sums.setdefault((day["provider"], day["consumer"], day["dataset"]), [0, 0, 0])
        found[0] += day["exchanges"]
        found[1] += day["rows"]
        found[2] += 1
    lines = [
        Line(provider, names.get(consumer, consumer), _(datasets[key].name) if key in datasets else key, *counted)
        for (provider, consumer, key), counted in sorted(sums.items(), key=lambda one: -one[1][1])
    ]
    totals = told["totals"]
    return StatisticsPage(told["since"], told["until"], totals["exchanges"], totals["rows"], tuple(lines))
