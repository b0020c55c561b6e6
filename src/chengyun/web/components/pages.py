# SPDX-License-Identifier: Apache-2.0
"""The register as a list and a map, one component with its cases and looks, what is due, what may be there twice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.areas.queries import name_of, names_of
from chengyun.cases.components import queries, services
from chengyun.cases.components import register as registers
from chengyun.cases.components.models import Inspection, TaskComponent
from chengyun.cases.components.queries import Asked, Due, Pair
from chengyun.cases.field.models import PatrolTask
from chengyun.cases.models import Case
from chengyun.cases.rights import type_of, visible
from chengyun.city.models import ComponentRegister
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.web.cache import kept, view_of
from chengyun.web.components.asking import Option, component_map, groups, read_asked, states
from chengyun.web.components.people import Person, field_people, workers
from chengyun.web.days import day_of
from chengyun.web.desk.deeds import Fault, asked_back, attempt, done
from chengyun.web.desk.pages import Listed, filters_of, page_number
from chengyun.web.maps import CityMap
from chengyun.web.places import area_names

PER_PAGE = 40
EXTENT_FOR_S = 60.0
PER_TASK = 30
MOST_CASES, MOST_LOOKS = 100, 50


@dataclass(frozen=True, slots=True)
class Row:
    """A component in a list. late_days: how long its look is overdue; None: it is not due."""

    key: str
    name: str
    category: str
    state: str
    state_key: str
    area: str
    address: str
    inspected_at: dt.datetime | None


@dataclass(frozen=True)
class RegisterPage:
    """The register. counts: by category, for people who see the due ones."""

    listed: Listed[Row]
    asked: Asked
    groups: tuple[tuple[str, tuple[Option, ...]], ...]
    states: tuple[Option, ...]
    areas: tuple[Option, ...]
    map: CityMap
    may_manage: bool
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case about a component."""

    number: str
    title: str
    state: str
    opened_at: dt.datetime
    ended: bool


@dataclass(frozen=True)
class ComponentPage:
    """One component. twins: what may be the same thing. every_days: its cycle; 0: it is not looked at. due_on: None: at once."""

    row: ComponentRegister
    category: str
    area: str
    grid: str
    people: tuple[str, ...]
    cases: tuple[CaseLine, ...]
    looks: tuple[Inspection, ...]
    twins: tuple[Pair, ...]
    states: tuple[Option, ...]
    every_days: int
    cycle_source: str
    cycle_verified: bool
    due_on: dt.date | None
    overdue: bool
    map: CityMap | None
    may_inspect: bool
    may_manage: bool
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True)
class DuePage:
    """What is due: by category, then the longest waiting of what is chosen."""

    counts: tuple[Due, ...]
    rows: tuple[Row, ...]
    asked: Asked
    areas: tuple[Option, ...]
    people: tuple[Person, ...]
    tasks: tuple[tuple[PatrolTask, int, int], ...]
    may_assign: bool
    until: dt.date
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True)
class TwinsPage:
    pairs: tuple[tuple[Pair, str], ...]
    may_manage: bool
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@needs("desk.read")
def register(request: HttpRequest) -> HttpResponse:
    """Show the register."""
    actor, now, given = actor_of(request), timezone.now(), read_asked(request)
    if not registers.seen_by(actor):
        raise NotFound(_("没有找到。"))
    number = page_number(request)
    found = list(queries.listed(actor, given, now)[(number - 1) * PER_PAGE : number * PER_PAGE + 1])
    page = RegisterPage(
        Listed(tuple(_rows(found[:PER_PAGE])), number, len(found) > PER_PAGE, filters_of(request.GET)), given,
        groups(given.category), states(given.state), _areas(given.area), component_map(given, bounds=_extent(actor, given, now)),
        may(actor, "component.manage"), now,
    )  # fmt: skip
    return render(request, "parts/register.html", {"page": page})


@require_safe
@needs("desk.read")
def component_page(request: HttpRequest, key: str) -> HttpResponse:
    """Show one component: what it is, its cases, its looks."""
    return _component(request, key, None)


@require_POST
@never_cache
@needs("component.inspect")
def inspect(request: HttpRequest, key: str) -> HttpResponse:
    """Write down how a component was found."""
    actor, given, now = actor_of(request), request.POST, timezone.now()
    made: list[Inspection] = []
    fault = attempt(
        request,
        "inspect",
        lambda: made.append(services.inspect(key, given.get("state", ""), actor, now, note=given.get("note", ""))),
    )
    if fault:
        return _component(request, key, fault)
    said = _("已记下。") if made[0].case is None else _("已记下，案件 %s。") % made[0].case.number
    return done(request, said, reverse("component", args=[key]))


@require_POST
@never_cache
@needs("case.handle")
def link(request: HttpRequest, number: str) -> HttpResponse:
    """Say which component a case is about."""
    key = request.POST.get("component", "")
    fault = attempt(request, "component", lambda: services.link(number, key, actor_of(request), timezone.now()))
    if fault:
        messages.error(request, fault.sentence)
        return HttpResponseRedirect(asked_back(request, reverse("case", args=[number])), status=303)
    return done(request, _("已关联部件。") if key else _("已取消关联。"), reverse("case", args=[number]))


@require_safe
@needs("desk.read")
def due(request: HttpRequest) -> HttpResponse:
    """Show what is due to be looked at."""
    return _due(request, None)


@require_POST
@never_cache
@needs("field.assign")
def make_task(request: HttpRequest) -> HttpResponse:
    """Give somebody what is due as a task."""
    actor, given, now = actor_of(request), request.POST, timezone.now()

    def do() -> None:
        account = given.get("account", "")
        until = _end_of(given.get("until", ""), now)
        services.make_inspections(
            given.getlist("component"), int(account) if account.isdigit() else 0, actor, now, until=until,
            title=given.get("title", ""),
        )  # fmt: skip

    fault = attempt(request, "task", do)
    return _due(request, fault) if fault else done(request, _("已下达任务。"), reverse("components-due"))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("component.manage")
def twins(request: HttpRequest) -> HttpResponse:
    """Show what may be registered twice, and end one of two."""
    actor, now, fault = actor_of(request), timezone.now(), None
    if request.method == "POST":
        given = request.POST
        fault = attempt(request, "twin", lambda: services.end_twin(given.get("end", ""), given.get("keep", ""), actor, now))
        if fault is None:
            return done(request, _("已合并。"), reverse("components-twins"))
    found = queries.pairs(actor)
    names = names_of({one.area_code for one in found})
    page = TwinsPage(tuple((one, names[one.area_code]) for one in found), may(actor, "component.manage"), fault, now)
    return render(request, "parts/twins.html", {"page": page}, status=fault.status if fault else 200)


def _component(request: HttpRequest, key: str, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    row, known = registers.component(actor, key), registers.kind()
    entry = known.scheme.category(row.category, row.catalog_version)
    cycle = known.scheme.inspection(row.category, registers.local_day(now))
    every = cycle.every_days if cycle else 0
    due_on = registers.local_day(row.inspected_at + dt.timedelta(days=every)) if row.inspected_at and every else None
    looks = Inspection.objects.filter(component=row.key).select_related("case", "task")[:MOST_LOOKS]
    spot = component_map(Asked(), spot=[row.lon, row.lat], key=row.key) if row.lon is not None else None
    page = ComponentPage(
        row, _(entry.minor) if entry else row.category, name_of(row.area_code) if row.area_code else "",
        name_of(row.grid_code) if row.grid_code else "", workers(row.grid_code, registers.local_day(now)),
        tuple(_cases(actor, row.key, known.case_type)), tuple(looks),
        tuple(queries.pairs(actor, keys=[row.key])) if row.valid_to is None else (), states(row.state), every,
        cycle.source if cycle else "", bool(cycle and cycle.verified), due_on,
        bool(every) and row.state != "removed" and (due_on is None or due_on < registers.local_day(now)), spot,
        row.valid_to is None and may(actor, "component.inspect", row.area_code), may(actor, "component.manage", row.area_code),
        fault, now,
    )  # fmt: skip
    return render(request, "parts/component.html", {"page": page}, status=fault.status if fault else 200)


def _due(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now, given = actor_of(request), timezone.now(), read_asked(request)
    if not registers.seen_by(actor):
        raise NotFound(_("没有找到。"))
    chosen = Asked(category=given.category, area=given.area, grid=given.grid, due=True)
    rows = queries.due_rows(actor, chosen, now, PER_TASK)
    tasks = PatrolTask.objects.filter(components__isnull=False).distinct().select_related("account").order_by("-until")[:20]
    allowed = may(actor, "field.assign")
    page = DuePage(
        queries.due_counts(actor, now, given.area), tuple(_rows(rows)), chosen, _areas(given.area),
        field_people(actor) if allowed else (), tuple(_progress(task) for task in tasks) if allowed else (), allowed,
        registers.local_day(now) + dt.timedelta(days=3), fault, now,
    )  # fmt: skip
    return render(request, "parts/due.html", {"page": page}, status=fault.status if fault else 200)


def _progress(task: PatrolTask) -> tuple[PatrolTask, int, int]:
    parts = TaskComponent.objects.filter(task=task)
    return task, parts.exclude(done_at=None).count(), parts.count()


def _extent(actor: Actor, given: Asked, now: dt.datetime) -> tuple[float, float, float, float] | None:
    """Return where the map of a list begins, remembered for a while: it only says where to look."""
    return kept(("component-extent", view_of(actor), given), lambda: queries.extent(actor, given, now), EXTENT_FOR_S)


def _rows(found: list[ComponentRegister]) -> list[Row]:
    names = names_of({row.area_code for row in found if row.area_code})
    known = registers.kind()
    rows = []
    for row in found:
        entry = known.scheme.category(row.category, row.catalog_version)
        rows.append(
            Row(
                row.key,
                row.name,
                _(entry.minor) if entry else row.category,
                str(row.get_state_display()),
                row.state,
                names.get(row.area_code, ""),
                row.address,
                row.inspected_at,
            )
        )
    return rows


def _cases(actor: Actor, key: str, case_type: str) -> list[CaseLine]:
    rows = Case.objects.filter(component_key=key, type=case_type).select_related("owner").order_by("ended", "-opened_at")
    return [
        CaseLine(row.number, row.title, type_of(row.type).state(row.state).name, row.opened_at, row.ended)
        for row in rows[:MOST_CASES]
        if visible(actor, row)
    ]


def _areas(chosen: str) -> tuple[Option, ...]:
    return tuple(Option(code, name, code == chosen) for code, name in area_names("district").items())


def _end_of(text: str, now: dt.datetime) -> dt.datetime:
    """Return the end of a local day; that of the day after tomorrow for what is no day."""
    try:
        day = day_of(text)
    except ValueError:
        day = registers.local_day(now) + dt.timedelta(days=3)
    return dt.datetime.combine(day, dt.time(23, 59), tzinfo=config().zone)
