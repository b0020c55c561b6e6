# SPDX-License-Identifier: Apache-2.0
"""What is asked of figures and alerts. Every read takes an actor and shows what the policy lets that actor see.

A figure that is not there is an answer too: it comes back with the status `missing` and no value, never as zero, and it
looks the same whether it is absent or may not be read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.policy import scope
from chengyun.city import Band, City, Indicator, qualify
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.operate.alert_queries import AlertGroup, AlertView, alert_view, answers_shown_to, grouped, open_alerts
from chengyun.operate.alert_store import statement
from chengyun.operate.models import Figure
from chengyun.operate.periods import period_end
from chengyun.operate.status import Status, status

__all__ = [
    "AlertGroup", "AlertView", "CalendarDay", "FigureView", "alert_view", "answers_shown_to", "figure_calendar",
    "figure_series", "find_figure", "get_figure", "grouped", "newest_figures", "open_alerts", "ranking", "register_names",
    "status", "subject_names",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure as a page shows it.

    id: None when there is none. period_end: the first instant after the period. band: class and colour on the
    indicator's scale. status: see status.py. current: False for a version that has been replaced.
    """

    id: int | None
    indicator: str
    name: str
    subject: str
    subject_name: str
    area_code: str
    period: str
    period_start: dt.datetime | None
    period_end: dt.datetime | None
    value: float | None
    unit: str
    decimals: int
    status: Status
    band: Band | None
    coverage: float | None
    simulated: bool
    detail: Mapping[str, Any]
    computed_at: dt.datetime | None
    source: str
    version: str
    current: bool = True


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One day of a year. figure: None when there is none."""

    day: dt.date
    value: float | None
    band: Band | None
    figure: int | None
    simulated: bool


def newest_figures(
    indicators: Sequence[str], subjects: Sequence[str] | None, actor: Actor, now: dt.datetime | None = None
) -> dict[tuple[str, str], FigureView]:
    """Return the newest figure of each indicator and subject, by (indicator, subject).

    A period that is not over and has no value yet is no news: the one before it is returned.
    subjects: None: every subject that has a figure; given ones without a figure come back as missing.
    """
    now = now or timezone.now()
    keys = list(dict.fromkeys(indicators))
    for key in keys:
        _declared(key)
    rows = _visible(actor, keys).filter(id__in=_newest_ids(keys, subjects))
    found = _settled(rows.order_by("period_start"), now)
    wanted = sorted(found) if subjects is None else [(key, subject) for key in keys for subject in subjects]
    # Indicators of one kind of subject share one question for names.
    kinds: dict[str, list[str]] = {}
    for key in keys:
        kinds.setdefault(_subject_kind(key), []).append(key)
    names = {kind: subject_names(group[0], {subject for one, subject in wanted if one in group}) for kind, group in kinds.items()}
    return {
        (key, subject): _view(key, found.get((key, subject)), subject, names[_subject_kind(key)].get(subject, subject), now)
        for key, subject in wanted
    }


def figure_series(
    indicator: str, subject: str, since: dt.datetime, until: dt.datetime, actor: Actor, now: dt.datetime | None = None
) -> list[FigureView]:
    """Return the current figures of a subject whose periods start in [since, until), oldest first; gaps are left out."""
    now = now or timezone.now()
    rows = _visible(actor, [indicator]).filter(
        subject=subject, superseded_at=None, period_start__gte=since, period_start__lt=until
    )
    name = subject_names(indicator, [subject]).get(subject, subject)
    return [_view(indicator, row, subject, name, now) for row in rows.order_by("period_start")]


def figure_calendar(indicator: str, subject: str, year: int, actor: Actor) -> list[CalendarDay]:
    """Return every day of a year with its figure, or without one."""
    declared, zone = _declared(indicator), config().zone
    first, after = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    rows = _visible(actor, [indicator]).filter(
        subject=subject,
        superseded_at=None,
        period_start__gte=dt.datetime.combine(first, dt.time(), zone),
        period_start__lt=dt.datetime.combine(after, dt.time(), zone),
    )
    by_day = {
        start.astimezone(zone).date(): (ident, value, simulated)
        for ident, start, value, simulated in rows.values_list("id", "period_start", "value", "simulated")
    }
    days = (first + dt.timedelta(days=number) for number in range((after - first).days))
    found = ((day, *by_day.get(day, (None, None, False))) for day in days)
    return [
        CalendarDay(day, value, _band(indicator, declared, value), ident, simulated) for day, ident, value, simulated in found
    ]


def ranking(
    indicator: str,
    actor: Actor,
    *,
    subjects: Sequence[str] | None = None,
    level: int | None = None,
    lowest_first: bool = False,
    now: dt.datetime | None = None,
) -> list[FigureView]:
    """Return the newest figures in order of value; those without a value last, by subject.

    level: only areas whose code has so many digits, e.g. 6 for districts.
    """
    found = [
        one
        for one in newest_figures([indicator], subjects, actor, now).values()
        if level is None or (len(one.subject) == level and not (level == 6 and one.subject.endswith("00")))
    ]
    sign = 1 if lowest_first else -1
    return sorted(found, key=lambda one: (one.value is None, sign * (one.value or 0.0), one.subject))


def get_figure(figure_id: int, actor: Actor, now: dt.datetime | None = None) -> FigureView:
    """Return one figure, current or former. Raises NotFound."""
    row = Figure.objects.filter(pk=figure_id).first()
    if row is None or row.indicator not in _city().indicators or not _visible(actor, [row.indicator]).filter(pk=row.pk).exists():
        raise NotFound(_("没有找到这个指标值。"))
    name = subject_names(row.indicator, [row.subject]).get(row.subject, row.subject)
    return _view(row.indicator, row, row.subject, name, now or timezone.now())


def find_figure(indicator: str, subject: str, day: dt.date | dt.datetime, actor: Actor) -> FigureView:
    """Return the current figure of the period a local day (or an instant) lies in. Raises NotFound."""
    declared, zone = _declared(indicator), config().zone
    instant = day if isinstance(day, dt.datetime) else dt.datetime.combine(day, dt.time(), zone)
    row = (
        _visible(actor, [indicator])
        .filter(subject=subject, superseded_at=None, period_start__lte=instant)
        .order_by("-period_start")
        .first()
    )
    if row is None or period_end(declared.period, row.period_start, zone) <= instant:
        raise NotFound(
            _("%(subject)s 在 %(day)s 没有指标 %(indicator)s 的值。") % {"subject": subject, "day": day, "indicator": indicator}
        )
    name = subject_names(indicator, [subject]).get(subject, subject)
    return _view(indicator, row, subject, name, timezone.now())


def subject_names(indicator: str, subjects: Collection[str]) -> dict[str, str]:
    """Return what people call an indicator's subjects."""
    if not subjects:
        return {}
    declared = _declared(indicator)
    if declared.subject == "area":
        from chengyun.areas.queries import names_of  # loads the geometry library, which only names of areas need here

        return names_of(subjects)
    return register_names(qualify(indicator.split(".")[0], declared.subject), subjects)


def _subject_kind(indicator: str) -> str:
    """Return "area", or the entity an indicator's subjects are, by qualified key."""
    subject = _declared(indicator).subject
    return subject if subject == "area" else qualify(indicator.split(".")[0], subject)


def register_names(entity: str, keys: Iterable[str]) -> dict[str, str]:
    """Return key → name of rows of an entity's register."""
    model: Any = apps.get_model(entity.split(".")[0], _city().entities[entity].model)
    return dict(model.objects.filter(key__in=list(keys)).values_list("key", "name"))


def _newest_ids(indicators: Sequence[str], subjects: Sequence[str] | None) -> list[int]:
    with connection.cursor() as cursor:
        if subjects is not None:
            cursor.execute(statement("newest_figures"), [list(indicators), list(subjects)])
            return [ident for (ident,) in cursor.fetchall()]
        found: list[int] = []
        for indicator in indicators:
            given = {"indicator": indicator, "subjects": None, "count": 2, "before": None}
            cursor.execute(statement("newest_of_each"), given)
            found += [row[4] for row in cursor.fetchall()]
        return found


def _settled(rows: Iterable[Figure], now: dt.datetime) -> dict[tuple[str, str], Figure]:
    """Return the last row of each indicator and subject, or the one before it where the last is of today and still empty."""
    found: dict[tuple[str, str], Figure] = {}
    for row in rows:
        pair = (row.indicator, row.subject)
        empty = row.value is None and now < period_end(_declared(row.indicator).period, row.period_start, config().zone)
        if not (empty and pair in found):
            found[pair] = row
    return found


def _visible(actor: Actor, indicators: Sequence[str]) -> QuerySet[Figure]:
    """Return the figures of these indicators the actor may read."""
    allowed = Q(pk__in=[])
    for indicator in indicators:
        allowed |= Q(indicator=indicator) & scope(actor, indicator).q()
    return Figure.objects.filter(allowed)


def _view(indicator: str, row: Figure | None, subject: str, name: str, now: dt.datetime) -> FigureView:
    declared, zone = _declared(indicator), config().zone
    start = row.period_start if row else None
    return FigureView(
        id=row.pk if row else None,
        indicator=indicator,
        name=declared.name,
        subject=subject,
        subject_name=name,
        area_code=row.area_code if row else "",
        period=declared.period,
        period_start=start,
        period_end=period_end(declared.period, start, zone) if start else None,
        value=row.value if row else None,
        unit=declared.unit,
        decimals=declared.decimals,
        status=status(declared, start, row.value if row else None, row.coverage if row else None, now, zone),
        band=_band(indicator, declared, row.value if row else None),
        coverage=row.coverage if row else None,
        simulated=bool(row and row.simulated),
        detail=row.detail if row else {},
        computed_at=row.computed_at if row else None,
        source=declared.source,
        version=row.version if row else declared.version,
        current=row is None or row.superseded_at is None,
    )


def _band(indicator: str, declared: Indicator, value: float | None) -> Band | None:
    if declared.scale is None:
        return None
    found: Band | None = _city().scales[qualify(indicator.split(".")[0], declared.scale)].band(value)
    return found


def _declared(indicator: str) -> Indicator:
    known = _city().indicators
    if indicator not in known:
        raise NotFound(_("没有指标 %s。") % indicator + meant(indicator, known), indicator=indicator)
    found: Indicator = known[indicator]
    return found


def _city() -> City:
    city: City = settings.CITY
    return city
