# SPDX-License-Identifier: Apache-2.0
"""Crews as they are kept: a list with the days they are out, a form for one, its shifts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import may, scope
from chengyun.access.views import needs
from chengyun.cases.crews import staffing
from chengyun.cases.crews.models import Crew, Shift
from chengyun.cases.crews.needs import known_skills
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.web import shown
from chengyun.web.days import day_of
from chengyun.web.desk.deeds import Fault, attempt, done

AHEAD = 14
WEEKDAYS = 5


@dataclass(frozen=True, slots=True)
class CrewRow:
    """days: of the next two weeks, each with whether the crew is out."""

    crew: Crew
    skills: str
    days: tuple[tuple[dt.date, bool], ...]


@dataclass(frozen=True)
class CrewsPage:
    rows: tuple[CrewRow, ...]
    days: tuple[dt.date, ...]
    may_manage: bool
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """A choice among several. value: as the form sends it."""

    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class CrewPage:
    """A crew and its form. given: what was typed, where it was refused. key: "" for a new one."""

    key: str
    bodies: tuple[Tick, ...]
    given: dict[str, str]
    skills: tuple[Tick, ...]
    members: tuple[Tick, ...]
    active: bool
    shifts: tuple[Shift, ...]
    weekdays: tuple[Tick, ...]
    first: dt.date
    last: dt.date
    may_manage: bool
    fault: Fault | None


@require_safe
@needs("crew.read")
def crews(request: HttpRequest) -> HttpResponse:
    """Show the crews and when they are out."""
    actor, now = actor_of(request), timezone.now()
    first = now.astimezone(config().zone).date()
    days = tuple(first + dt.timedelta(days=n) for n in range(AHEAD))
    rows = list(Crew.objects.filter(organisation__in=_bodies(actor)).select_related("organisation").prefetch_related("members"))
    out = set(Shift.objects.filter(crew__in=rows, day__range=(days[0], days[-1])).values_list("crew_id", "day"))
    page = CrewsPage(
        tuple(CrewRow(crew, shown.listed(map(skill_name, crew.skills)), _out(crew, days, out)) for crew in rows), days,
        may(actor, "crew.manage"), now,
    )  # fmt: skip
    return render(request, "crews/crews.html", {"page": page})


@require_safe
@needs("crew.manage")
def new(request: HttpRequest) -> HttpResponse:
    """Show an empty form."""
    return _form(request, None, None)


@require_safe
@needs("crew.read")
def crew(request: HttpRequest, key: str) -> HttpResponse:
    """Show one crew."""
    return _form(request, _crew(request, key), None)


@require_POST
@never_cache
@needs("crew.manage")
def save(request: HttpRequest) -> HttpResponse:
    """Make a crew, or bring one up to date."""
    given, made = request.POST, list[Crew]()
    known = _crew(request, given["key"]) if given.get("key") else None

    def do() -> None:
        body = (
            known.organisation if known else next((it for it in _bodies(actor_of(request)) if it.key == given.get("body")), None)
        )
        if body is None:
            raise Refused(_("请选择部门。"), code="body")
        start = _place(given, "start")
        made.append(
            staffing.save_crew(
                given.get("key", ""),
                body,
                actor_of(request),
                name=given.get("name", ""),
                skills=given.getlist("skill"),
                vehicle=given.get("vehicle", ""),
                start=start,
                end=_place(given, "end") if given.get("end_lon") else start,
                members=[int(it) for it in given.getlist("member") if it.isdigit()],
                active=given.get("active") == "1",
            )
        )

    fault = attempt(request, "crew", do)
    return _form(request, known, fault) if fault else done(request, _("已保存。"), reverse("crew", args=[made[0].key]))


@require_POST
@never_cache
@needs("crew.manage")
def shifts(request: HttpRequest, key: str) -> HttpResponse:
    """Write shifts, or take one back."""
    given, known = request.POST, _crew(request, key)
    actor = actor_of(request)

    def do() -> None:
        if given.get("drop"):
            staffing.drop_shift(known, _day(given["drop"]), actor)
            return
        rest = given.get("break_min", "0")
        hours = staffing.Hours(
            _time(given.get("begins", "")), _time(given.get("ends", "")), int(rest) if rest.isdigit() else 0,
            _time(given["break_from"]) if given.get("break_from") else None,
            _time(given["break_until"]) if given.get("break_until") else None,
        )  # fmt: skip
        weekdays = {int(it) for it in given.getlist("weekday") if it in "0123456" and it}
        staffing.save_shifts(known, _day(given.get("first", "")), _day(given.get("last", "")), weekdays, hours, actor)

    fault = attempt(request, "shifts", do)
    return _form(request, known, fault) if fault else done(request, _("已保存排班。"), reverse("crew", args=[key]))


def _form(request: HttpRequest, known: Crew | None, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    today = timezone.now().astimezone(config().zone).date()
    bodies = _bodies(actor)
    typed = request.POST if fault and fault.form == "crew" else None
    given = dict(fault.given) if fault and fault.form == "crew" else _given(known)
    held = set(typed.getlist("skill")) if typed else set(known.skills if known else ())
    inside = {int(it) for it in typed.getlist("member") if it.isdigit()} if typed else _members(known)
    body = known.organisation if known else None
    page = CrewPage(
        known.key if known else "", tuple(Tick(one.key, one.name, one == body) for one in bodies), given,
        tuple(Tick(skill, skill_name(skill), skill in held) for skill in known_skills()), _people(actor, known, bodies, inside),
        known.active if known else True, tuple(known.shifts.filter(day__gte=today)[:31]) if known else (),
        tuple(Tick(str(n), name, n < WEEKDAYS) for n, name in enumerate(_weekdays())), today, today + dt.timedelta(days=6),
        may(actor, "crew.manage", body.area_code if body else None), fault,
    )  # fmt: skip
    return render(request, "crews/crew.html", {"page": page}, status=fault.status if fault else 200)


def _out(crew: Crew, days: tuple[dt.date, ...], out: set[tuple[int, dt.date]]) -> tuple[tuple[dt.date, bool], ...]:
    return tuple((day, (crew.pk, day) in out) for day in days)


def skill_name(key: str) -> str:
    """Return what a skill is called; the key for one that a city has added."""
    return {"road": _("道路作业"), "green": _("绿化作业"), "electric": _("电工")}.get(key, key)


def _given(known: Crew | None) -> dict[str, str]:
    if known is None:
        return {}
    return {
        "name": known.name, "vehicle": known.vehicle, "start_lon": str(known.start_lon), "start_lat": str(known.start_lat),
        "end_lon": str(known.end_lon), "end_lat": str(known.end_lat),
    }  # fmt: skip


def _members(known: Crew | None) -> set[int]:
    return set(known.members.values_list("pk", flat=True)) if known else set()


def _people(actor: Actor, known: Crew | None, bodies: list[Organisation], inside: set[int]) -> tuple[Tick, ...]:
    allowed = scope(actor, "accounts", "case")
    if not allowed.allowed:
        return ()
    rows = Account.objects.filter(is_active=True, organisation__in=[known.organisation] if known else bodies)
    people = allowed.rows_for(rows, target=known.key if known else "crews").order_by("name", "username")[:200]
    return tuple(Tick(str(one.pk), str(one), one.pk in inside) for one in people)


def _bodies(actor: Actor) -> list[Organisation]:
    return list(Organisation.objects.filter(scope(actor, "crew_plans").q()).order_by("name"))


def _crew(request: HttpRequest, key: str) -> Crew:
    bodies = _bodies(actor_of(request))
    found = Crew.objects.filter(key=key[:32], organisation__in=bodies).select_related("organisation").first()
    if found is None:
        raise NotFound(_("没有找到这个班组。"))
    return found


def _weekdays() -> tuple[str, ...]:
    return _("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日")


def _place(given: QueryDict, name: str) -> tuple[float, float]:
    try:
        return float(given.get(f"{name}_lon", "")), float(given.get(f"{name}_lat", ""))
    except ValueError:
        raise Refused(_("请填写出发地点的经度和纬度。"), code="place") from None


def _day(text: str) -> dt.date:
    try:
        return day_of(text)
    except ValueError:
        raise Refused(_("请填写日期。"), code="days") from None


def _time(text: str) -> dt.time:
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        raise Refused(_("请填写时间，例如 08:30。"), code="hours") from None
