# SPDX-License-Identifier: Apache-2.0
"""The day's plan of a body's crews, and the list a crew carries on its phone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.models import Organisation
from chengyun.access.views import needs
from chengyun.areas import queries as areas
from chengyun.cases.crews import queries
from chengyun.cases.crews.models import Plan
from chengyun.cases.crews.queries import CrewRoute, PlanView
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.web.crews.drawing import Lane, Picture, draw, lanes
from chengyun.web.days import day_of
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import asked


@dataclass(frozen=True)
class PlanPage:
    """bodies: to choose from. waiting: a plan is being worked out. fault: why the newest could not be, or what was refused."""

    bodies: tuple[Choice, ...]
    body: str
    day: dt.date
    before: dt.date
    after: dt.date
    plan: PlanView | None
    picture: Picture | None
    lanes: tuple[Lane, ...]
    hours: tuple[tuple[float, str], ...]
    waiting: bool
    fault: str
    refused: Fault | None
    may_plan: bool
    as_of: dt.datetime

    @property
    def better_percent(self) -> int:
        return round(100 * self.plan.better) if self.plan and self.plan.better is not None else 0


@dataclass(frozen=True)
class MinePage:
    """A crew's own day."""

    day: dt.date
    routes: tuple[CrewRoute, ...]
    as_of: dt.datetime


@require_safe
@needs("crew.read")
def plan(request: HttpRequest) -> HttpResponse:
    """Show the plan of a day."""
    body, day = asked(request, "body", "day")
    return _shown(request, body, day, None)


@require_POST
@needs("crew.plan")
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a plan, or for the rest of the day to be planned again."""
    from chengyun.cases.crews import services  # numbers and solvers stay out of pages that only show plans

    actor, given = actor_of(request), request.POST
    body, day = given.get("body", ""), given.get("day", "")
    chosen = _body(request, body)
    fault = attempt(request, "plan", lambda: services.ask(actor, chosen, _day(day), timezone.now(), given.get("reason", "")))
    if fault:
        return _shown(request, body, day, fault)
    return done(request, _("正在计算，通常十几秒。"), f"{reverse('crews')}?body={chosen.key}&day={_day(day):%Y-%m-%d}")


@require_POST
@needs("crew.plan")
def pin(request: HttpRequest) -> HttpResponse:
    """Say which crew takes a case, from the next plan on."""
    from chengyun.cases.crews import services

    actor, given = actor_of(request), request.POST
    body, day = given.get("body", ""), given.get("day", "")
    fault = attempt(request, "pin", lambda: services.pin(actor, given.get("case", ""), given.get("crew", ""), timezone.now()))
    if fault:
        return _shown(request, body, day, fault)
    return done(request, _("已记下，重新编排后生效。"), f"{reverse('crews')}?body={body}&day={_day(day):%Y-%m-%d}")


@require_safe
@needs("crew.read")
def mine(request: HttpRequest) -> HttpResponse:
    """Show the crews of the person who asks what is to be done today, one after the other."""
    now = timezone.now()
    day = now.astimezone(config().zone).date()
    page = MinePage(day, tuple(queries.my_stops(actor_of(request), day)), now)
    return render(request, "crews/mine.html", {"page": page})


def _shown(request: HttpRequest, body: str, day: str, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    bodies = queries.bodies_of(actor)
    chosen = next((one for one in bodies if one.key == body), bodies[0] if bodies else None)
    on = _day(day)
    found, newest = queries.plan_of(chosen, on) if chosen else (None, None)
    routes = found.routes if found else ()
    rows, hours = lanes(routes, config().zone)
    outlines = [one["geometry"] for one in areas.boundaries("district")["features"]] if routes else []
    page = PlanPage(
        bodies=tuple(Choice(one.key, one.name, one == chosen) for one in bodies),
        body=chosen.key if chosen else "",
        day=on,
        before=on - dt.timedelta(days=1),
        after=on + dt.timedelta(days=1),
        plan=found,
        picture=draw(routes, outlines),
        lanes=rows,
        hours=hours,
        waiting=newest is not None and newest.state == Plan.State.ASKED,
        fault=newest.fault if newest is not None and newest.state == Plan.State.FAILED else "",
        refused=fault,
        may_plan=chosen is not None and queries.may_plan(actor, chosen),
        as_of=now,
    )
    return render(request, "crews/plan.html", {"page": page}, status=fault.status if fault else 200)


def _body(request: HttpRequest, key: str) -> Organisation:
    found = next((one for one in queries.bodies_of(actor_of(request)) if one.key == key), None)
    if found is None:
        raise NotFound(_("没有找到这个部门。"))
    return found


def _day(text: str) -> dt.date:
    """Return the day an address names, today for none or one that is no day."""
    try:
        return day_of(text)
    except ValueError:
        return timezone.now().astimezone(config().zone).date()
