# SPDX-License-Identifier: Apache-2.0
"""The desk (工作台): what needs this person now. Alerts by severity, cases by what is due first, data that does not arrive."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, scope
from chengyun.access.views import needs
from chengyun.areas.queries import names_of
from chengyun.cases.queries import CaseView, cases_for, count_cases
from chengyun.collect.quality.queries import offers_waiting, own_trouble
from chengyun.collect.queries import waiting_by_stream
from chengyun.operate.queries import AlertGroup, AlertView, grouped, open_alerts
from chengyun.web.desk.cases import CaseRow, case_rows
from chengyun.web.freshness import StreamAge, stream_ages
from chengyun.web.live import live_settings

MOST_ALERTS = 200
ALERT_GROUPS = 25
CASES = 15
MOST_CASES = 500
MOST_COUNTED = 10_000
"""Cases are counted this far: a desk is asked for every minute, and nobody works by the last digits of more."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """Alerts of one rule in one area. may_acknowledge: ids this person may take on. first: the alert shown when it is alone."""

    group: AlertGroup
    area: str
    first: AlertView
    waiting: int
    acknowledge: tuple[int, ...]


@dataclass(frozen=True)
class Desk:
    """mine: cases given to this person; body: other cases they may see, what is due first. letters: dead letters waiting, by
    stream; None: not theirs to see. offers: repairs of data that wait for this person. silent: streams that are late.
    devices, forms, quality: whether they may see any. trouble: what was found wrong on the newest day in datasets their own
    body answers for, of so many (trouble_in)."""

    groups: tuple[GroupLine, ...]
    alert_count: str
    unacknowledged: int
    mine: tuple[CaseRow, ...]
    body: tuple[CaseRow, ...]
    body_more: str
    overdue: str
    letters: int | None
    offers: int
    trouble: int
    trouble_in: int
    quality: bool
    silent: tuple[StreamAge, ...]
    streams: int
    devices: bool
    forms: bool
    as_of: dt.datetime


@require_safe
@never_cache
@needs("desk.read")
def desk(request: HttpRequest) -> HttpResponse:
    """Show the desk."""
    live = live_settings(request, reverse("desk-parts"))
    return render(request, "desk/desk.html", {"desk": read_desk(actor_of(request), timezone.now()), "live": live})


@require_safe
@never_cache
@needs("desk.read")
def desk_parts(request: HttpRequest) -> HttpResponse:
    """Return the changing parts alone, each marked with the place it goes to."""
    return render(request, "desk/desk_parts.html", {"desk": read_desk(actor_of(request), timezone.now())})


def read_desk(actor: Actor, now: dt.datetime) -> Desk:
    """Return the desk of an actor."""
    alerts = open_alerts(actor, limit=MOST_ALERTS)
    groups = grouped(alerts)[:ALERT_GROUPS]
    areas = names_of({one.area_code[:6] for one in groups if one.area_code})
    mine = cases_for(actor, mine=True, limit=MOST_CASES, now=now)
    own = actor.account_id
    others = [one for one in cases_for(actor, limit=MOST_CASES, now=now) if own is None or one.person_id != own]
    counted = count_cases(actor, now=now, most=MOST_COUNTED + 1)
    late = count_cases(actor, overdue=True, now=now, most=MOST_COUNTED + 1)
    streams = stream_ages(actor, now)
    trouble = own_trouble(actor)
    return Desk(
        groups=tuple(_line(one, areas, actor) for one in groups),
        alert_count=f"{MOST_ALERTS}+" if len(alerts) >= MOST_ALERTS else str(len(alerts)),
        unacknowledged=sum(one.state == "open" for one in alerts),
        mine=case_rows(sorted(mine, key=_due)),
        body=case_rows(sorted(others, key=_due)[:CASES]),
        body_more=_up_to(counted, counted - len(mine) - CASES),
        overdue=_up_to(late, late),
        letters=sum(waiting_by_stream(actor).values()) if scope(actor, "dead_letters").allowed else None,
        offers=offers_waiting(actor),
        trouble=sum(trouble.values()),
        trouble_in=len(trouble),
        quality=may(actor, "quality.read"),
        silent=tuple(one for one in streams if one.expected and one.status != "fresh"),
        streams=sum(one.expected for one in streams),
        devices=scope(actor, "devices").allowed,
        forms=scope(actor, "forms").allowed,
        as_of=now,
    )


def _up_to(counted: int, said: int) -> str:
    """Return a number for the page, "" for none; with a plus where the count behind it ended before the cases did."""
    return f"{said}+" if counted > MOST_COUNTED else str(said) if said > 0 else ""


def _due(case: CaseView) -> tuple[bool, dt.datetime]:
    """Overdue first, then what is due first."""
    return not case.overdue, case.due_at


def _line(group: AlertGroup, areas: dict[str, str], actor: Actor) -> GroupLine:
    waiting = [one for one in group.alerts if one.state == "open"]
    own = tuple(one.id for one in waiting if may(actor, "alert.acknowledge", one.area_code))
    return GroupLine(group, areas.get(group.area_code[:6], ""), group.alerts[0], len(waiting), own)
