# SPDX-License-Identifier: Apache-2.0
"""Tasks for people outside: a list, a form for a new one, and one task with the ground that was covered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, require_scope, scope
from chengyun.access.views import needs, reads
from chengyun.areas import queries as areas
from chengyun.areas.queries import names_of
from chengyun.cases.components.models import TaskComponent
from chengyun.cases.components.register import kind as component_kind
from chengyun.cases.field import assigning, tracks
from chengyun.cases.field.models import PatrolTask, Track
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.web.components.people import Person, field_people
from chengyun.web.days import moment_of
from chengyun.web.desk.deeds import Fault, attempt, done
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number
from chengyun.web.places import area_names

PER_PAGE = 40
WIDTH = 640.0
MOST_TRACKS = 200


@dataclass(frozen=True, slots=True)
class TaskRow:
    """late: its time is over and it is not done. share: of its area that was seen; None: not counted in cells."""

    task: PatrolTask
    area: str
    late: bool
    share: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str
    chosen: bool


@dataclass(frozen=True)
class TasksPage:
    """states: to choose from. areas: districts, then the streets of the chosen one, then its communities or grids."""

    listed: Listed[TaskRow]
    states: tuple[Choice, ...]
    kinds: tuple[Choice, ...]
    areas: tuple[tuple[str, tuple[Choice, ...]], ...]
    people: tuple[Person, ...]
    begins: dt.datetime
    until: dt.datetime
    may_assign: bool
    fault: Fault | None
    as_of: dt.datetime


@dataclass(frozen=True, slots=True)
class Square:
    x: float
    y: float
    seen: bool


@dataclass(frozen=True)
class Ground:
    """What was walked, as a picture: cells of the area, and the ways people took while their points are kept."""

    width: float
    height: float
    size: float
    squares: tuple[Square, ...]
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartRow:
    """A component the task is about."""

    key: str
    name: str
    done_at: dt.datetime | None


@dataclass(frozen=True)
class TaskPage:
    """kept_days: how long points are kept. may_see_tracks: whether this person may see where people went."""

    task: PatrolTask
    area: str
    ground: Ground | None
    tracks: int
    parts: tuple[PartRow, ...]
    people: tuple[Person, ...]
    kept_days: int
    may_assign: bool
    may_see_tracks: bool
    late: bool
    fault: Fault | None
    as_of: dt.datetime


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@reads("patrol_tasks")
def listing(request: HttpRequest) -> HttpResponse:
    """Show the tasks, or make one."""
    if request.method != "POST":
        return _listing(request, None)
    actor, given, now = actor_of(request), request.POST, timezone.now()
    made: list[PatrolTask] = []

    def do() -> None:
        account, share = given.get("account", ""), given.get("share", "80")
        made.append(
            assigning.make(
                given.get("kind", ""),
                given.get("title", ""),
                int(account) if account.isdigit() else 0,
                given.get("area", ""),
                _local(given.get("begins", "")),
                _local(given.get("until", "")),
                actor,
                now,
                note=given.get("note", ""),
                wanted_share=int(share) / 100 if share.isdigit() else 0.0,
            )
        )

    fault = attempt(request, "task", do)
    return _listing(request, fault) if fault else done(request, _("已下达任务。"), reverse("patrol", args=[made[0].pk]))


@require_safe
@reads("patrol_tasks")
def patrol(request: HttpRequest, task_id: int) -> HttpResponse:
    """Show one task."""
    return _patrol(request, task_id, None)


@require_POST
@never_cache
@needs("field.assign")
def change(request: HttpRequest, task_id: int) -> HttpResponse:
    """Give a task to somebody else, or take it back."""
    actor, given, now = actor_of(request), request.POST, timezone.now()
    task = _task(actor, task_id)

    def do() -> None:
        if given.get("deed") == "take_back":
            assigning.take_back(task, actor, now)
        else:
            account = given.get("account", "")
            assigning.give(task, int(account) if account.isdigit() else 0, actor, now)

    fault = attempt(request, "change", do)
    return _patrol(request, task_id, fault) if fault else done(request, _("已修改。"), reverse("patrol", args=[task_id]))


def _listing(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor, now, zone = actor_of(request), timezone.now(), config().zone
    state, kind = asked(request, "state", "kind")
    number = page_number(request)
    rows = PatrolTask.objects.filter(scope(actor, "patrol_tasks").q()).select_related("account", "case")
    if state in PatrolTask.State.values:
        rows = rows.filter(state=state)
    if kind in PatrolTask.Kind.values:
        rows = rows.filter(kind=kind)
    found = list(rows.order_by("-until", "-id")[(number - 1) * PER_PAGE : number * PER_PAGE + 1])
    names = names_of({one.area_code for one in found if one.area_code})
    allowed = may(actor, "field.assign")
    begins = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    page = TasksPage(
        Listed(tuple(_row(one, names, now) for one in found[:PER_PAGE]), number, len(found) > PER_PAGE, filters_of(request.GET)),
        tuple(Choice(value, str(word), value == state) for value, word in PatrolTask.State.choices),
        tuple(Choice(value, str(word), value == kind) for value, word in PatrolTask.Kind.choices),
        _areas(request.POST.get("area", "")) if allowed else (), field_people(actor) if allowed else (), begins,
        begins + dt.timedelta(hours=8), allowed, fault, now,
    )  # fmt: skip
    return render(request, "patrols/list.html", {"page": page}, status=fault.status if fault else 200)


def _patrol(request: HttpRequest, task_id: int, fault: Fault | None) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    task = _task(actor, task_id)
    seen = scope(actor, "tracks", "duty")
    ways: list[Track] = []
    if seen.allowed:
        ways = list(seen.rows_for(Track.objects.filter(task=task), target=str(task.pk)).order_by("started_at")[:MOST_TRACKS])
    parts = list(TaskComponent.objects.filter(task=task))
    names: dict[str, str] = {}
    if parts:
        known = component_kind().model._default_manager.filter(key__in=[one.component for one in parts])
        names = dict(known.values_list("key", "name"))
    allowed = may(actor, "field.assign", task.area_code)
    page = TaskPage(
        task, areas.name_of(task.area_code) if task.area_code else "", ground_of(task, ways), len(ways),
        tuple(PartRow(one.component, names.get(one.component, one.component), one.done_at) for one in parts),
        field_people(actor) if allowed else (), tracks.KEEP_DAYS, allowed and task.state != "done", seen.allowed,
        task.until < now and task.state != "done", fault, now,
    )  # fmt: skip
    return render(request, "patrols/task.html", {"page": page}, status=fault.status if fault else 200)


def ground_of(task: PatrolTask, ways: list[Track]) -> Ground | None:
    """Return the picture of a task's ground; None for a task without cells."""
    cells = tracks.cells_value(task)
    if cells is None:
        return None
    size = WIDTH / max(cells.columns, 1)
    height = size * cells.rows
    held = {(x, y) for x, y in task.seen}
    squares = tuple(Square(x * size, height - (y + 1) * size, (x, y) in held) for x, y in sorted(cells.wanted))

    def at(lon: float, lat: float) -> str:
        return f"{(lon - cells.west) / cells.width * size:.1f},{height - (lat - cells.south) / cells.height * size:.1f}"

    lines = tuple(" ".join(at(lon, lat) for _t, lon, lat, _a in way.points) for way in ways if way.points)
    return Ground(WIDTH, height, size, squares, lines)


def _task(actor: Actor, task_id: int) -> PatrolTask:
    allowed = require_scope(actor, "patrol_tasks")
    task = PatrolTask.objects.filter(allowed.q(), pk=task_id).select_related("account", "case", "made_by").first()
    if task is None:
        raise NotFound(_("没有找到这个任务。"))
    return task


def _row(task: PatrolTask, names: dict[str, str], now: dt.datetime) -> TaskRow:
    open_ = task.state in (PatrolTask.State.OPEN, PatrolTask.State.STARTED)
    return TaskRow(task, names.get(task.area_code, ""), open_ and task.until < now, task.share if task.cells else None)


def _areas(chosen: str) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    """Return districts with their streets, and grids last: what a person can walk."""
    found: dict[str, list[Choice]] = {}
    for code, name in area_names("district").items():
        found[name] = [Choice(code, name, code == chosen)]
        found[name] += [Choice(one.code, one.name, one.code == chosen) for one in areas.children(code)]
    grids = areas.areas_on(None, "grid")
    if grids:
        found[_("单元网格")] = [Choice(one.code, f"{one.name} {one.code}", one.code == chosen) for one in grids[:1000]]
    return tuple((name, tuple(options)) for name, options in found.items())


def _local(text: str) -> dt.datetime:
    try:
        return moment_of(text)
    except ValueError:
        raise Refused(_("请填写时间。"), code="until") from None
