# SPDX-License-Identifier: Apache-2.0
"""Figures as pages need them: the newest of many at once, a series, a year, each inside what the reader may see."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import Indicator, Scale, qualify
from chengyun.operate.models import Figure
from chengyun.web import shown
from chengyun.web.tiles import Status, Tile

PARTIAL_BELOW = 0.75
"""A figure whose inputs were there for less than this share is shown as partial."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure's row. detail: the formula's other columns."""

    id: int
    indicator: str
    subject: str
    period_start: dt.datetime
    value: float | None
    detail: Mapping[str, Any]
    coverage: float | None
    simulated: bool
    computed_at: dt.datetime
    area_code: str


@functools.cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / name).read_text(encoding="utf-8")


def newest(indicators: Sequence[str], subjects: Iterable[str], actor: Actor) -> dict[tuple[str, str], Shown]:
    """Return the newest figure of each indicator (qualified) for each subject that the actor may read, in one query."""
    scopes = {name: scope(actor, name) for name in indicators}
    allowed = [name for name in indicators if scopes[name].allowed]
    if not allowed:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_sql("newest_figures.sql"), {"indicators": allowed, "subjects": list(subjects)})
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {}
    for row in rows:
        if scopes[row["indicator"]].matches(row):
            detail = row["detail"] if isinstance(row["detail"], dict) else json.loads(row["detail"])
            found[row["indicator"], row["subject"]] = Shown(**{**row, "detail": detail})
    return found


def series(indicator: str, subject: str, since: dt.datetime, until: dt.datetime, actor: Actor) -> list[Shown]:
    """Return the current figures of one subject with period_start in [since, until), oldest first."""
    allowed = scope(actor, indicator)
    if not allowed.allowed:
        return []
    rows = (
        Figure.objects.filter(allowed.q(), indicator=indicator, subject=subject, superseded_at=None)
        .filter(period_start__gte=since, period_start__lt=until)
        .order_by("period_start")
    )
    return [
        Shown(
            row["id"], indicator, subject, row["period_start"], row["value"], {}, row["coverage"], row["simulated"],
            row["computed_at"], "",
        )
        for row in rows.values("id", "period_start", "value", "coverage", "simulated", "computed_at")
    ]  # fmt: skip


def years_known(indicator: str, subject: str, actor: Actor) -> list[int]:
    """Return the local years for which figures of a subject exist, newest first."""
    allowed = scope(actor, indicator)
    if not allowed.allowed:
        return []
    rows = Figure.objects.filter(allowed.q(), indicator=indicator, subject=subject, superseded_at=None)
    return [moment.year for moment in rows.datetimes("period_start", "year", order="DESC")]


def status_of(figure: Shown, now: dt.datetime) -> Status:
    """Return whether a figure is missing (no value), stale (older than its indicator allows), partial or fresh."""
    indicator: Indicator = settings.CITY.indicators[figure.indicator]
    if figure.value is None:
        return "missing"
    lasts = indicator.fresh_for
    if lasts is None:
        lasts = {"hour": dt.timedelta(hours=2), "day": dt.timedelta(hours=36)}.get(indicator.period, dt.timedelta(days=2))
    if now - shown.period_end(figure.period_start, indicator.period) > lasts:
        return "stale"
    if figure.coverage is not None and figure.coverage < PARTIAL_BELOW:
        return "partial"
    return "fresh"


def scale_of(indicator_name: str) -> Scale | None:
    """Return the scale that colours an indicator, or None."""
    indicator: Indicator = settings.CITY.indicators[indicator_name]
    if indicator.scale is None:
        return None
    found: Scale | None = settings.CITY.scales.get(qualify(indicator_name.split(".")[0], indicator.scale))
    return found


def tile(indicator_name: str, subject: str, subject_name: str, figure: Shown | None, now: dt.datetime) -> Tile:
    """Return an indicator as a tile; without a figure it says "missing"."""
    indicator: Indicator = settings.CITY.indicators[indicator_name]
    scale = scale_of(indicator_name)
    return Tile(
        indicator=indicator_name,
        subject=subject,
        subject_name=subject_name,
        name=indicator.name,
        value=figure.value if figure else None,
        decimals=indicator.decimals,
        unit=indicator.unit,
        band=scale.band(figure.value) if scale and figure else None,
        status=status_of(figure, now) if figure else "missing",
        period_start=figure.period_start if figure else None,
        period_text=shown.period(figure.period_start, indicator.period) if figure else shown.NOTHING,
        known_at=shown.known_at(figure.period_start, indicator.period, figure.computed_at) if figure else None,
        coverage=figure.coverage if figure else None,
        simulated=figure.simulated if figure else False,
        source=indicator.source,
        figure_id=figure.id if figure else None,
    )
