# SPDX-License-Identifier: Apache-2.0
"""A figure beside others: the period before, a year before, other areas of its level, its goal, other versions of its formula.

What cannot be compared is None, never zero. Every figure is read as far as the actor may see it.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import City, Indicator, Limits, qualify
from chengyun.config import config
from chengyun.operate.models import Figure
from chengyun.operate.periods import window_bounds

__all__ = ["Beside", "Comparison", "Goal", "Version", "Versions", "compare", "goal_on", "start_before", "versions", "year_before"]


@dataclass(frozen=True, slots=True)
class Beside:
    """Another figure and how far this one is from it. share: of the other, as a ratio; None where that is zero."""

    figure: int
    subject: str
    period_start: dt.datetime
    value: float
    change: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is aimed at on a day, and whether it is reached."""

    sense: str
    value: float
    in_force: dt.date
    source: str
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """before: the period before. year: the same period a year before. median: of the areas of the level that have a value.

    rank: 1 for the largest value among `of` areas of the level.
    """

    before: Beside | None
    year: Beside | None
    median: float | None
    rank: int | None
    of: int
    goal: Goal | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a formula. key: its indicator. version: its hash. current: whether it is installed now."""

    key: str
    version: str
    current: bool


@dataclass(frozen=True, slots=True)
class Versions:
    """Values of several versions of one formula. rows: period → a value per version, in their order; None: not computed."""

    versions: tuple[Version, ...]
    rows: tuple[tuple[dt.datetime, tuple[float | None, ...]], ...]


def compare(indicator: str, subject: str, start: dt.datetime, actor: Actor) -> Comparison:
    """Compare the current figure of a subject and period."""
    city: City = settings.CITY
    declared, zone = city.indicators[indicator], config().zone
    rows = Figure.objects.filter(scope(actor, indicator).q(), indicator=indicator, superseded_at=None, value__isnull=False)
    own = rows.filter(subject=subject, period_start=start).first()
    day = start.astimezone(zone).date()
    goal = goal_on(declared, city.limits(indicator), day, None if own is None else own.value)
    if own is None or own.value is None:
        return Comparison(None, None, None, None, 0, goal)
    values = [
        value
        for other, value in rows.filter(period_start=start).values_list("subject", "value")
        if value is not None and (declared.subject != "area" or _level(other) == _level(subject))
    ]
    then = year_before(start)
    return Comparison(
        _beside(rows.filter(subject=subject, period_start=start_before(declared, start)).first(), own.value),
        None if then is None else _beside(rows.filter(subject=subject, period_start=then).first(), own.value),
        statistics.median(values),
        1 + sum(value > own.value for value in values),
        len(values),
        goal,
    )


def goal_on(declared: Indicator, limits: Limits, day: dt.date, value: float | None) -> Goal | None:
    """Return an indicator's goal in force on a day; None when there is none then."""
    if declared.goal is None:
        return None
    sense, table, entry = declared.goal
    try:
        edition = limits.on(table, day)
    except LookupError:
        return None
    aim = float(edition[entry])
    reached = None if value is None else value >= aim if sense == "at least" else value <= aim
    return Goal(sense, aim, edition.in_force, edition.source, reached)


def start_before(declared: Indicator, start: dt.datetime) -> dt.datetime:
    """Return the start of the period before."""
    zone = config().zone
    if declared.period == "hour":
        return start - dt.timedelta(hours=1)
    last = start.astimezone(zone).date() - dt.timedelta(days=1)
    first = {"day": last, "month": last.replace(day=1), "year": last.replace(month=1, day=1)}[declared.period]
    return window_bounds(declared.period, first, zone)[0]


def year_before(start: dt.datetime) -> dt.datetime | None:
    """Return the same local moment a year before; None for a 29 February."""
    local = start.astimezone(config().zone)
    try:
        return local.replace(year=local.year - 1).astimezone(dt.UTC)
    except ValueError:
        return None


def versions(indicator: str, subject: str, since: dt.datetime, until: dt.datetime, actor: Actor) -> Versions:
    """Return what every version of a formula says of the periods that start in [since, until), oldest first.

    Versions are the indicators declared as versions of it, and former texts of each: of a former one its last word.
    """
    city: City = settings.CITY
    first = city.indicators[indicator].version_of
    root = indicator if first is None else qualify(indicator.split(".")[0], first)
    keys = [key for key, one in city.indicators.items() if key == root or _version_of(key, one) == root]
    told: list[tuple[str, str, dt.datetime, float | None]] = []
    for key in keys:
        rows = (
            Figure.objects.filter(scope(actor, key).q(), indicator=key, subject=subject)
            .filter(period_start__gte=since, period_start__lt=until)
            .annotate(nth=Window(RowNumber(), partition_by=[F("period_start"), F("version")], order_by=F("id").desc()))
        )
        told += [(key, *row) for row in rows.filter(nth=1).values_list("version", "period_start", "value")]
    found = [Version(key, city.indicators[key].version, True) for key in keys]
    found += [
        Version(key, version, False)
        for key, version in dict.fromkeys((key, version) for key, version, _, _ in told)
        if version != city.indicators[key].version
    ]
    by_period: dict[dt.datetime, dict[tuple[str, str], float | None]] = {}
    for key, version, start, value in told:
        by_period.setdefault(start, {})[key, version] = value
    return Versions(tuple(found), tuple((start, _row(found, by_period[start])) for start in sorted(by_period)))


def _row(found: Sequence[Version], values: dict[tuple[str, str], float | None]) -> tuple[float | None, ...]:
    return tuple(values.get((one.key, one.version)) for one in found)


def _version_of(key: str, one: Indicator) -> str | None:
    return None if one.version_of is None else qualify(key.split(".")[0], one.version_of)


def _beside(row: Figure | None, value: float) -> Beside | None:
    if row is None or row.value is None:
        return None
    share = (value - row.value) / row.value if row.value else None
    return Beside(row.pk, row.subject, row.period_start, row.value, value - row.value, share)


def _level(code: str) -> int:
    return 4 if len(code) == 6 and code.endswith("00") else min(len(code), 14)
