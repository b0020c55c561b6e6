# SPDX-License-Identifier: Apache-2.0
"""What needs somebody: open alerts and cases in work, as lists on the board and on a thing's own page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case as When
from django.db.models import IntegerField, Q, QuerySet, Value
from django.db.models import When as Is

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.cases.models import Case
from chengyun.city import AlertRule, CaseType
from chengyun.city.words import SEVERITIES
from chengyun.operate.models import Alert
from chengyun.web.places import area_names


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One open alert. name, meaning: the rule's, translated by the template. value: what it saw last; unit: of the value."""

    id: int
    name: str
    meaning: str
    severity: str
    subject: str
    area: str
    value: float | None
    limit: float | None
    unit: str
    decimals: int
    state: str
    in_case: bool
    since: dt.datetime
    seen_at: dt.datetime
    simulated: bool


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in work. state, type: the declared names. overdue: past its time limit."""

    number: str
    title: str
    type: str
    state: str
    owner: str
    area: str
    opened_at: dt.datetime
    due_at: dt.datetime
    overdue: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class Work:
    """The first alerts and cases, worst and soonest first, and how many there are in all."""

    alerts: tuple[AlertLine, ...]
    alert_count: int
    cases: tuple[CaseLine, ...]
    case_count: int


def work(actor: Actor, now: dt.datetime, limit: int = 12, dataset_subjects: tuple[tuple[str, ...], str] | None = None) -> Work:
    """Return what is open for an actor.

    dataset_subjects: only alerts on one of these datasets about this subject, and the cases that answer them.
    """
    alerts, cases = _alerts(actor), _cases(actor)
    if dataset_subjects is not None:
        datasets, subject = dataset_subjects
        alerts = alerts.filter(dataset__in=datasets, subject=subject)
        cases = cases.filter(case_alerts__alert__dataset__in=datasets, case_alerts__alert__subject=subject).distinct()
    names = area_names()
    rank = When(*(Is(severity=name, then=Value(place)) for place, name in enumerate(SEVERITIES)), output_field=IntegerField())
    first = alerts.annotate(rank=rank).order_by("-rank", "-opened_at", "-id")[:limit]
    soonest = cases.select_related("owner").order_by("due_at", "id")[:limit]
    return Work(
        tuple(_alert_line(one, names) for one in first),
        alerts.count(),
        tuple(_case_line(one, names, now) for one in soonest),
        cases.count(),
    )


def _alerts(actor: Actor) -> QuerySet[Alert]:
    allowed = scope(actor, "alerts")
    return allowed.rows_for(Alert.objects.exclude(state=Alert.State.CLOSED))


def _cases(actor: Actor) -> QuerySet[Case]:
    readable = Q(pk__in=[])
    for name in settings.CITY.cases:
        allowed = scope(actor, name)
        if allowed.allowed:
            readable |= Q(allowed.q(), type=name)
    return Case.objects.filter(readable, ended=False)


def _alert_line(alert: Alert, names: dict[str, str]) -> AlertLine:
    rule: AlertRule | None = settings.CITY.alerts.get(alert.rule)
    unit, decimals = _unit(alert, rule)
    return AlertLine(
        id=alert.pk,
        name=rule.name if rule else alert.rule,
        meaning=rule.meaning if rule else "",
        severity=alert.severity,
        subject=alert.subject_name or alert.subject,
        area=names.get(alert.area_code[:6], ""),
        value=alert.value,
        limit=alert.limit,
        unit=unit,
        decimals=decimals,
        state=alert.get_state_display(),
        in_case=alert.in_case,
        since=alert.since,
        seen_at=alert.last_seen_at,
        simulated=alert.simulated,
    )


def _unit(alert: Alert, rule: AlertRule | None) -> tuple[str, int]:
    stream = settings.CITY.streams.get(alert.dataset)
    if stream is not None and rule is not None:
        field = next((field for field in stream.quantities if field.key == rule.field), None)
        return (field.unit, field.decimals) if field else ("1", 0)
    indicator = settings.CITY.indicators.get(alert.dataset)
    return (indicator.unit, indicator.decimals) if indicator else ("1", 0)


def _case_line(case: Case, names: dict[str, str], now: dt.datetime) -> CaseLine:
    declared: CaseType | None = settings.CITY.cases.get(case.type)
    states = {state.key: state.name for state in declared.states} if declared else {}
    return CaseLine(
        number=case.number,
        title=case.title,
        type=declared.name if declared else case.type,
        state=states.get(case.state, case.state),
        owner=case.owner.name,
        area=names.get(case.area_code[:6], ""),
        opened_at=case.opened_at,
        due_at=case.due_at,
        overdue=case.due_at < now,
        simulated=case.simulated,
    )
