# SPDX-License-Identifier: Apache-2.0
"""What needs somebody: open alerts and cases in work, as lists on the board and on a thing's own page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.cases.queries import CaseView, cases_for
from chengyun.operate.queries import AlertView, open_alerts
from chengyun.web.places import area_names

MOST = 200
"""Alerts and cases are counted up to this; a board says "200+" from there on."""


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One open alert, and the name of the district it is in; empty: not known."""

    alert: AlertView
    area: str


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in work, and the name of the district it is in; empty: not known."""

    case: CaseView
    area: str


@dataclass(frozen=True, slots=True)
class Work:
    """The first alerts and cases, worst and soonest first, and how many there are in all ("200+": that many or more).

    sees_cases: whether the reader may read cases at all; "none" would be untrue for others.
    """

    alerts: tuple[AlertLine, ...]
    alert_count: str
    cases: tuple[CaseLine, ...]
    case_count: str
    sees_cases: bool


def work(actor: Actor, now: dt.datetime, limit: int = 12, about: tuple[frozenset[str], str] | None = None) -> Work:
    """Return what is open for an actor.

    about: only alerts on one of these datasets about this subject, and the cases that answer them: an alert stays open as
    long as its case does.
    """
    alerts = open_alerts(actor, subject=about[1] if about else None, limit=MOST)
    cases = cases_for(actor, limit=MOST, now=now)
    if about is not None:
        alerts = [one for one in alerts if one.dataset in about[0]]
        answering = {one.case for one in alerts}
        cases = [one for one in cases if one.number in answering]
    names = area_names("district")
    return Work(
        tuple(AlertLine(one, names.get(one.area_code[:6], "")) for one in alerts[:limit]),
        _count(len(alerts)),
        tuple(CaseLine(one, names.get(one.area_code[:6], "")) for one in cases[:limit]),
        _count(len(cases)),
        any(scope(actor, dataset).allowed for dataset in ("cases", *settings.CITY.cases)),
    )


def _count(found: int) -> str:
    return f"{MOST}+" if found >= MOST else str(found)
