# SPDX-License-Identifier: Apache-2.0
"""The dispatcher's board: what waits for a decision, and one case with whom the duty list charges with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.cases import services
from chengyun.cases.duties.boards import in_states
from chengyun.cases.duties.models import Duty
from chengyun.cases.duties.queries import body_of, duty_of, fitting
from chengyun.cases.duties.reasons import REASONS
from chengyun.cases.models import Case
from chengyun.cases.office import local_day
from chengyun.cases.queries import CaseEventView, cases_for
from chengyun.cases.rights import type_of, visible
from chengyun.city import CaseType, City
from chengyun.errors import NotFound
from chengyun.web import places
from chengyun.web.desk.cases import CasePage, CaseRow, StepForm, case_rows, read_case
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import asked
from chengyun.web.maps import CityMap, city_map

PAGE = 40
DESKS = ("centre",)
"""Whose moves the board shows: those of the bodies that decide, not of the departments that do the work."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A state in which cases wait for the centre. role: post that decides."""

    state: str
    name: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Charge:
    """An entry of the duty list that speaks of the case, and the body it charges there. counts: it goes before the others."""

    duty: Duty
    key: str
    name: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Return:
    """Work a department gave back. reason: as the list has it; body: whose clause it cited."""

    event: CaseEventView
    reason: str
    cited: str


@dataclass(frozen=True)
class BoardPage:
    """shown: the case in work, None when none waits. charges: who the list says it belongs to. decisions: the steps this
    person may take now. after: number of the next one."""

    queues: tuple[Queue, ...]
    state: str
    rows: tuple[CaseRow, ...]
    more: int
    shown: CasePage | None
    charges: tuple[Charge, ...]
    decisions: tuple[StepForm, ...]
    returns: tuple[Return, ...]
    may_part: bool
    bodies: tuple[tuple[str, str], ...]
    map: CityMap | None
    after: str
    back: str
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@needs("case.assign")
def dispatch_board(request: HttpRequest, number: str = "") -> HttpResponse:
    """Show a queue, and one of its cases."""
    return _show(request, number, None)


@require_POST
@never_cache
@needs("case.open")
def open_part(request: HttpRequest, number: str) -> HttpResponse:
    """Give a part of the work to another body (联合处置): a case of its own under the lead, dispatched at once."""
    actor, given, now = actor_of(request), request.POST, timezone.now()

    def do() -> None:
        lead = Case.objects.select_related("owner").filter(number=number).first()
        if lead is None or not visible(actor, lead):
            raise NotFound(_("没有找到案件 %s。") % number)
        with transaction.atomic():
            part = services.open_case(
                lead.type, given.get("title", "").strip() or lead.title, actor, now, category=lead.category,
                area_code=lead.area_code, lon=lead.lon, lat=lead.lat, address=lead.address, emergency=lead.emergency,
                source=lead.source, lead=lead, simulated=lead.simulated,
            )  # fmt: skip
            services.take_step(part, "dispatch", actor, now, owner=given.get("owner") or None)

    fault = attempt(request, "part", do)
    return _show(request, number, fault) if fault else done(request, _("已交协办。"), reverse("dispatch-case", args=[number]))


def _show(request: HttpRequest, number: str, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    (state,) = asked(request, "queue")
    key, declared = _kind()
    waiting = [one for one in declared.states if one.body in DESKS and one.clock != "ended"] if declared else []
    counts = in_states(actor, key, [one.key for one in waiting])
    shown = read_case(number, actor, fault) if number else None
    if state not in counts:
        state = shown.case.state if shown and shown.case.state in counts else _fullest(counts, actor, declared)
    rows = cases_for(actor, states=[state], types=[key], limit=PAGE, now=now) if state else []
    if shown is None and rows:
        shown = read_case(rows[0].number, actor)
    part = shown is not None and declared is not None and _may_part(actor, declared, shown)
    order = [one.number for one in rows]
    here = shown.case.number if shown else ""
    page = BoardPage(
        queues=tuple(Queue(one.key, one.name, counts[one.key], one.key == state) for one in waiting),
        state=state,
        rows=case_rows(rows),
        more=max(0, counts.get(state, 0) - len(rows)),
        shown=shown,
        charges=_charges(shown),
        decisions=tuple(one for one in shown.steps if one.allowed) if shown else (),
        returns=_returns(shown),
        may_part=part,
        bodies=places.bodies() if part else (),
        map=_spot(shown),
        after=order[order.index(here) + 1] if here in order[:-1] else "",
        back=f"{reverse('dispatch')}?queue={state}",
        fault=fault,
        as_of=now,
    )
    return render(request, "dispatch/board.html", {"page": page}, status=fault.status if fault else 200)


def _may_part(actor: Actor, declared: CaseType, shown: CasePage) -> bool:
    """Say whether this person may open a part of a case and dispatch it at once."""
    begins = declared.steps_from(declared.sub_task) if declared.sub_task and not shown.case.lead else ()
    dispatches = any(step.charges and actor.roles & set(step.by) for step in begins)
    return dispatches and may(actor, "case.open", shown.case.area_code)


def _kind() -> tuple[str, CaseType | None]:
    """Return the type of case that residents' reports open: the one a city dispatches by duty list."""
    city: City = settings.CITY
    return next(((key, one) for key, one in city.cases.items() if one.reports), ("", None))


def _fullest(counts: Mapping[str, int], actor: Actor, declared: CaseType | None) -> str:
    """Return the queue to begin with: the first with cases that a post of this person decides, else the first with any."""
    own = [one.key for one in declared.states if one.key in counts and one.owner in actor.roles] if declared else []
    filled = [state for state in (*own, *counts) if counts[state]]
    return filled[0] if filled else next(iter([*own, *counts]), "")


def _charges(shown: CasePage | None) -> tuple[Charge, ...]:
    if shown is None or not shown.case.category:
        return ()
    case = shown.case
    found = fitting(case.type, case.category, case.area_code, local_day(timezone.now()))
    return tuple(
        Charge(one, body.key, places.said(body.name), place == 0)
        for place, one in enumerate(found[:3])
        for body in [body_of(one, case.area_code)]
    )


def _returns(shown: CasePage | None) -> tuple[Return, ...]:
    """Return what departments gave back, with the list's own answer beside it."""
    if shown is None:
        return ()
    counting = {one.key for one in type_of(shown.case.type).transitions if one.counts == "returns"}
    names: Mapping[str, Any] = REASONS
    found = []
    for event in shown.case.history:
        if event.name and event.reason_code in names and event.kind == "step" and counting:
            cited = _cited(shown, event)
            found.append(Return(event, str(names[event.reason_code]), cited))
    return tuple(found)


def _cited(shown: CasePage, event: CaseEventView) -> str:
    case, day = shown.case, local_day(event.at)
    if number := event.data.get("clause"):
        duty = Duty.objects.select_related("organisation").filter(pk=number).first()
    else:
        duty = duty_of(case.type, str(event.data.get("proposed") or case.category), case.area_code, day)
    return f"{body_of(duty, case.area_code).name}：{duty.clause}" if duty else ""


def _spot(shown: CasePage | None) -> CityMap | None:
    if shown is None or shown.case.lon is None:
        return None
    found = city_map("dispatch-map", _("案件位置"), ())
    found.settings["spot"] = [shown.case.lon, shown.case.lat]
    return found
