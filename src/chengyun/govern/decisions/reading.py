# SPDX-License-Identifier: Apache-2.0
"""From figures to a panel: what an expectation is judged on, as it was known at one moment, so that it can be judged again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.config import config
from chengyun.errors import Refused
from chengyun.govern.decisions.effects.panels import Panel, balanced
from chengyun.govern.decisions.models import Expectation
from chengyun.operate.models import Figure
from chengyun.operate.store import as_of_figures
from chengyun.standards.times import day_bounds

__all__ = ["Read", "as_of", "newest_figure", "read_panel"]

MOST_ROWS = 2_000_000
MOST_DAYS = 120
"""Longer than this, days are put together to weeks; longer than three years of weeks, to months."""


@dataclass(frozen=True)
class Read:
    """A panel and what it was made of: rows read, their digest, how many were of a simulation."""

    panel: Panel
    grain: str
    rows: int
    digest: str
    simulated: int


def newest_figure(indicator: str) -> int:
    """Return the id up to which figures of an indicator are known now, 0 when there is none."""
    return int(Figure.objects.filter(indicator=indicator).aggregate(found=Max("id"))["found"] or 0)


def read_panel(expected: Expectation, starts_on: dt.date, until: dt.date, figure: int, actor: Actor) -> Read:
    """Return the panel of an expectation: means by area and day, week or month, of what the actor may read.

    until: last day. figure: newest id that counts. A week or month that the decision falls into belongs to neither side: it is
    left out.
    Raises Refused for more rows than fit.
    """
    zone = config().zone
    grain = _grain(expected.since, until, settings.CITY.indicators[expected.indicator].period)
    since_at, until_at = day_bounds(expected.since, zone)[0], day_bounds(until, zone)[1]
    rows = (
        Figure.objects.filter(as_of_figures(figure), scope(actor, expected.indicator).q(), indicator=expected.indicator)
        .filter(period_start__gte=since_at, period_start__lt=until_at, value__isnull=False)
        .order_by("subject", "period_start", "id")
    )
    if expected.others:
        rows = rows.filter(subject__in=[*expected.treated, *expected.others])
    seen = hashlib.sha256()
    sums: dict[tuple[str, dt.date], float] = {}
    counts: dict[tuple[str, dt.date], int] = {}
    total = simulated = 0
    for ident, subject, start, value, invented in rows.values_list(
        "id", "subject", "period_start", "value", "simulated"
    ).iterator(chunk_size=20_000):
        total += 1
        if total > MOST_ROWS:
            raise Refused(f"More than {MOST_ROWS} figures; choose fewer areas or a shorter time.", code="rows")
        simulated += invented
        seen.update(f"{ident}\t{value!r}\n".encode())
        place = subject, _begin(start.astimezone(zone).date(), grain)
        sums[place] = sums.get(place, 0.0) + float(value or 0.0)  # None was left out above
        counts[place] = counts.get(place, 0) + 1
    panel = _panel(expected, starts_on, until, grain, {place: sums[place] / counts[place] for place in sums})
    return Read(panel, grain, total, seen.hexdigest(), simulated)


def _panel(
    expected: Expectation, starts_on: dt.date, until: dt.date, grain: str, means: Mapping[tuple[str, dt.date], float]
) -> Panel:
    wanted = set(expected.treated)
    areas = sorted({subject for subject, _ in means if subject in wanted or expected.others or _alike(subject, wanted)})
    periods = [
        day for day in sorted({day for _, day in means})
        if day >= expected.since and _end(day, grain) <= until and not (day < starts_on <= _end(day, grain))
    ]  # fmt: skip
    values = np.full((len(areas), len(periods)), np.nan)
    for row, area in enumerate(areas):
        for column, day in enumerate(periods):
            values[row, column] = means.get((area, day), np.nan)
    treated = np.array([area in wanted for area in areas], dtype=bool)
    start = sum(day < starts_on for day in periods)
    return balanced(areas, [day.isoformat() for day in periods], values, treated, start)


def _alike(subject: str, wanted: Collection[str]) -> bool:
    """Say whether a subject may be compared with: of areas, those of the same level, told by the length of the code.

    A district is not compared with a street, nor with the city it is part of, whose code is as long (330200).
    """
    if not all(one.isdigit() for one in wanted):
        return True
    return (
        subject.isdigit() and len(subject) in {len(one) for one in wanted} and not (len(subject) == 6 and subject.endswith("00"))
    )


def _grain(since: dt.date, until: dt.date, period: str) -> str:
    """Return what figures are put together to: never less than a figure's own period, which would lie on both sides."""
    if period in ("month", "year"):
        return period
    days = (until - since).days
    return "day" if days <= MOST_DAYS else "week" if days <= 3 * 366 else "month"


def _begin(day: dt.date, grain: str) -> dt.date:
    if grain == "week":
        return day - dt.timedelta(days=day.weekday())
    if grain == "year":
        return day.replace(month=1, day=1)
    return day.replace(day=1) if grain == "month" else day


def _end(day: dt.date, grain: str) -> dt.date:
    """Return the last day of the period that begins on a day."""
    if grain == "week":
        return day + dt.timedelta(days=6)
    if grain == "year":
        return day.replace(month=12, day=31)
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1) if grain == "month" else day


def as_of(read: Read, figure: int, until: dt.date) -> dict[str, Any]:
    """Return what an evaluation keeps of its inputs."""
    return {
        "figure": figure, "until": until.isoformat(), "rows": read.rows, "digest": read.digest,
        "grain": read.grain, "simulated": read.simulated,
    }  # fmt: skip
