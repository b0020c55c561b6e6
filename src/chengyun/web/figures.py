# SPDX-License-Identifier: Apache-2.0
"""Figures as pages need them beyond operate.queries: as a tile, as a long course, the years there are."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import Scale, qualify
from chengyun.operate.models import Figure
from chengyun.operate.queries import FigureView
from chengyun.web import shown
from chengyun.web.tiles import Spark, Tile


def course(
    indicator: str, subjects: list[str], since: dt.datetime, until: dt.datetime, actor: Actor
) -> dict[str, list[tuple[dt.datetime, float | None]]]:
    """Return for each subject the current figures of periods that start in [since, until), oldest first, in one query.

    Bare pairs: a year of hours of every district is a hundred thousand rows, of which a chart needs nothing else.
    """
    rows = (
        Figure.objects.filter(scope(actor, indicator).q(), indicator=indicator, subject__in=subjects, superseded_at=None)
        .filter(period_start__gte=since, period_start__lt=until)
        .order_by("period_start")
        .values_list("subject", "period_start", "value")
    )
    found: dict[str, list[tuple[dt.datetime, float | None]]] = {subject: [] for subject in subjects}
    for subject, start, value in rows:
        found[subject].append((start, value))
    return found


def spark(indicator: str, subject: str, now: dt.datetime, actor: Actor) -> Spark | None:
    """Return the last 24 hours of an hourly figure as a small line; None with fewer than two values."""
    since = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=24)
    hours = [(start, value) for start, value in course(indicator, [subject], since, now, actor)[subject] if value is not None]
    if len(hours) < 2:
        return None
    decimals = settings.CITY.indicators[indicator].decimals
    low, high = min(value for _, value in hours), max(value for _, value in hours)
    path, before = "", None
    for start, value in hours:
        place = (start - since) / dt.timedelta(hours=24)
        height = 22 - 20 * (value - low) / (high - low) if high > low else 12
        joined = before is not None and start - before <= dt.timedelta(hours=1)
        path += f"{'L' if joined else 'M'}{100 * place:.1f} {height:.1f}"
        before = start
    words = {
        "since": shown.moment(since), "until": shown.moment(now),
        "low": shown.number(low, decimals), "high": shown.number(high, decimals),
    }  # fmt: skip
    return Spark(path, _("%(since)s 至 %(until)s：最低 %(low)s，最高 %(high)s") % words)


def years_known(indicator: str, subject: str, actor: Actor) -> list[int]:
    """Return the local years for which figures of a subject exist, newest first."""
    rows = Figure.objects.filter(scope(actor, indicator).q(), indicator=indicator, subject=subject, superseded_at=None)
    return [moment.year for moment in rows.datetimes("period_start", "year", order="DESC")]


def scale_of(indicator: str) -> Scale | None:
    """Return the scale that colours an indicator, or None."""
    declared = settings.CITY.indicators[indicator]
    return settings.CITY.scales[qualify(indicator.split(".")[0], declared.scale)] if declared.scale else None


def known_at(figure: FigureView) -> dt.datetime | None:
    """Return as of when a figure speaks: the end of its period or, while that lasts, when it was computed."""
    if figure.period_start is None or figure.period_end is None or figure.computed_at is None:
        return None
    return min(figure.period_end, max(figure.period_start, figure.computed_at))


def period_text(figure: FigureView) -> str:
    """Return the name of a figure's period; "—" without a figure."""
    return shown.period(figure.period_start, figure.period) if figure.period_start else shown.NOTHING


def tile(figure: FigureView, subject_name: str = "") -> Tile:
    """Return a figure as a tile. subject_name: shown where it is not plain whose figure it is."""
    return Tile(
        indicator=figure.indicator,
        subject=figure.subject,
        subject_name=subject_name,
        name=figure.name,
        value=figure.value,
        decimals=figure.decimals,
        unit=figure.unit,
        band=figure.band,
        status=figure.status,
        period_start=figure.period_start,
        period_text=period_text(figure),
        known_at=known_at(figure),
        coverage=figure.coverage,
        simulated=figure.simulated,
        source=figure.source,
        figure_id=figure.id,
    )
