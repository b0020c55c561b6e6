# SPDX-License-Identifier: Apache-2.0
"""What needs somebody: open alerts and cases in work, as lists on the board and on a thing's own page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q, QuerySet

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.cases.models import Case
from chengyun.city import CaseType
from chengyun.operate.queries import AlertView, open_alerts
from chengyun.web.places import area_names

MOST_ALERTS = 200
"""Counted up to this; above it a board says "200+"."""


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One open alert, and the name of the district it is in; empty: not known."""

    alert: AlertView
    area: str


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
    """The first alerts and cases, worst and soonest first, and how many there are in all ("200+": that many or more)."""

    alerts: tuple[AlertLine, ...]
    alert_count: str
    cases: tuple[CaseLine, ...]
    case_count: int


def work(actor: Actor, now: dt.datetime, limit: int = 12, about: tuple[frozenset[str], str] | None = None) -> Work:
    """Return what is open for an actor.

    about: only alerts on one of these datasets about this subject, and the cases that answer them.
    """
    alerts = open_alerts(actor, subject=about[1] if about else None, limit=MOST_ALERTS)
    cases = _cases(actor)
    if about is not None:
        alerts = [one for one in alerts if one.dataset in about[0]]
        cases = cases.filter(case_alerts__alert__dataset__in=about[0], case_alerts__alert__subject=about[1]).distinct()
    names = area_names("district")
    return Work(
        tuple(AlertLine(one, names.get(one.area_code[:6], "")) for one in alerts[:limit]),
        f"{MOST_ALERTS}+" if len(alerts) >= MOST_ALERTS else str(len(alerts)),
        tuple(_case_line(one, names, now) for one in cases.select_related("owner").order_by("due_at", "id")[:limit]),
        cases.count(),
    )


def _cases(actor: Actor) -> QuerySet[Case]:
    readable = Q(pk__in=[])
    for name in settings.CITY.cases:
        allowed = scope(actor, name)
        if allowed.allowed:
            readable |= Q(allowed.q(), type=name)
    return Case.objects.filter(readable, ended=False)


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
