# SPDX-License-Identifier: Apache-2.0
"""How the evaluation of indicators stands: for the status page and `chengyun status`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Max

from chengyun.city import City
from chengyun.operate.models import DueWindow, IndicatorRun

__all__ = ["IndicatorStatus", "indicator_status"]


@dataclass(frozen=True, slots=True)
class IndicatorStatus:
    """An indicator's last evaluation. last_run: None: never. error: of the last one, empty when it went well.

    waiting: windows due. attempts: failures in a row of the one that failed most often.
    """

    indicator: str
    name: str
    version: str
    last_run: dt.datetime | None
    duration_s: float | None
    error: str
    waiting: int
    attempts: int


def indicator_status() -> list[IndicatorStatus]:
    """Return every indicator's status, in declared order."""
    city: City = settings.CITY
    last = IndicatorRun.objects.order_by("indicator", "-started_at", "-id").distinct("indicator")
    runs = {run.indicator: run for run in last}
    waiting = {
        row["indicator"]: (row["windows"], row["most"])
        for row in DueWindow.objects.order_by().values("indicator").annotate(windows=Count("id"), most=Max("attempts"))
    }
    found = []
    for key, declared in city.indicators.items():
        run = runs.get(key)
        windows, most = waiting.get(key, (0, 0))
        found.append(
            IndicatorStatus(
                indicator=key,
                name=declared.name,
                version=declared.version,
                last_run=run.started_at if run else None,
                duration_s=run.duration_s if run else None,
                error=run.error if run else "",
                waiting=windows,
                attempts=most,
            )
        )
    return found
