# SPDX-License-Identifier: Apache-2.0
"""Each kind of operation, done through the services. A refusal is a question to the person: what was sent is never lost.

What is done counts from when the city learns of it: clocks run by the server's time, and the time of the deed stands beside
it in the event (docs/decisions/0212).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.areas import queries as areas
from chengyun.cases import services as cases
from chengyun.cases.field import amending, operations, threeway, tracks, twins, uploads
from chengyun.cases.field.models import Operation, PatrolTask
from chengyun.cases.field.outcome import Asked, Outcome
from chengyun.cases.models import Case, CaseEvent
from chengyun.cases.rights import type_of
from chengyun.city import City
from chengyun.errors import NotFound, Refused

__all__ = ["came_with", "do", "report_type", "step"]


def do(operation: Operation, data: Any, actor: Actor, now: dt.datetime) -> Outcome:
    """Do an operation whose turn it is, in the caller's transaction. Raises Refused where a person must decide."""
    kinds: Mapping[str, Callable[[Operation, Any, Actor, dt.datetime], Outcome]] = {
        "report": _report, "step": _step, "edit": _edit, "note": _note, "duty": _duty, "track": _track, "task": _task,
    }  # fmt: skip
    return kinds[operation.kind](operation, data, actor, now)


def came_with(operation: Operation) -> dict[str, Any]:
    """Return what an event keeps of how it came: when it was done, how certain that is, what the device's clock said."""
    return {
        "operation": str(operation.pk), "device": operation.device.key, "done_at": operation.done_at.isoformat(),
        "device_at": operation.made_at.isoformat(), "uncertainty_ms": operation.uncertainty_ms,
    }  # fmt: skip


def report_type() -> str:
    """Return the kind of case that people in the field open. Raises NotFound where the city runs none."""
    city: City = settings.CITY
    found = [key for key, declared in city.cases.items() if getattr(declared, "reports", False) or declared.scheme]
    if not found:
        raise NotFound(_("本市没有可以在现场上报的案件类型。"))
    return found[0]


def number_of(name: str, account_id: int) -> str:
    """Return a case's number: `local:<operation>` is the case that operation opened. Raises NotFound."""
    if not name.startswith("local:"):
        return name
    opened = Operation.objects.filter(account_id=account_id, kind="report", case__isnull=False).select_related("case")
    for one in opened.filter(pk__in=[name.removeprefix("local:")]):
        if one.case is not None:
            return one.case.number
    raise NotFound(_("没有找到这件上报。"))


def _report(operation: Operation, data: operations.Report, actor: Actor, now: dt.datetime) -> Outcome:
    area = areas.area_of(data.lon, data.lat, "community") or areas.area_of(data.lon, data.lat) if data.lon and data.lat else ""
    title = data.title.strip() or data.description.strip()[:60]
    if not title:
        raise Refused(_("请写一句话说明看到了什么。"), code="text")
    case = cases.open_case(
        data.type or report_type(), title, actor, now, category=data.category, condition=data.condition,
        source=Case.Source.PATROL, emergency=data.emergency, description=data.description, address=data.address, lon=data.lon,
        lat=data.lat, area_code=area or _own_area(actor), component_key=data.component_key,
        evidence={"field": came_with(operation)},
    )  # fmt: skip
    uploads.take(actor, case, data.photos, now)
    alike = twins.find(case, operation, now, data.accuracy_m or 0.0)
    sentence = _("已上报，案件编号 %s。") % case.number
    if alike:
        sentence += _("附近有相似案件，请看一眼是否同一问题。")
    return Outcome("applied", sentence, case, {"twins": [one.other.number for one in alike]} if alike else {})


def _step(operation: Operation, data: operations.Step, actor: Actor, now: dt.datetime) -> Outcome:
    case = amending.locked(number_of(data.case, operation.account_id), actor)
    declared = type_of(case.type)
    wanted = declared.step(data.transition)
    seen = operation.base.get("state")
    if wanted is not None and case.state == wanted.to and case.state != wanted.source and seen in (None, wanted.source):
        # Somebody else has taken the same step: what this person adds is kept, and there is nothing to ask.
        event = _last_step(case)
        if event is not None and event.account_id != actor.account_id:
            _keep_as_note(operation, data, case, actor, now)
            sentence = _("%(actor)s 已先办理“%(step)s”；您的说明和照片已并入案件经过。") % {
                "actor": event.actor,
                "step": wanted.name,
            }
            taken = {
                "field": "state",
                "mine": wanted.to,
                "theirs": case.state,
                "taken": "theirs",
                "by": event.actor,
                "at": event.at,
            }
            return Outcome("merged", sentence, case, {"merged": [taken]})
    return step(operation, data, case, actor, now, seen)


def step(
    operation: Operation, data: operations.Step, case: Case, actor: Actor, now: dt.datetime, seen: str | None
) -> Outcome:  # fmt: skip
    """Take a step of a locked case. seen: the state it must be in; None: the step's own source."""
    assignee = Account.objects.filter(pk=data.assignee).first() if data.assignee is not None else None
    photos = uploads.take(actor, case, data.photos, now)
    done = cases.take_step(
        case, data.transition, actor, now, seen=seen, reason=data.reason, note=data.note, assignee=assignee, photos=photos,
        lon=data.lon, lat=data.lat, until=data.until, data={**data.more, "field": came_with(operation)},
    )  # fmt: skip
    name = next(it.name for it in type_of(done.type).transitions if it.key == data.transition)
    return Outcome("applied", _("已办理“%s”。") % name, done)


def _edit(operation: Operation, data: operations.Edit, actor: Actor, now: dt.datetime) -> Outcome:
    case = amending.locked(number_of(data.case, operation.account_id), actor)
    fields: dict[str, Any] = {str(name): value for name, value in data.fields.items()}
    current = {name: getattr(case, name) for name in fields}
    base = dict(operation.base.get("fields", {}))
    found = threeway.merge(base, fields, current)
    if found.take:
        amending.amend(case, found.take, actor, now, came_with(operation))
    changed = [_changed(case, name, fields[name], current[name]) for name in (*found.kept, *found.conflicts)]
    if found.conflicts:
        asked = Asked(
            {name: base.get(name) for name in found.conflicts},
            {"fields": {name: current[name] for name in found.conflicts}, "changes": changed},
            {name: fields[name] for name in found.conflicts},
            ("mine", "theirs"),
        )
        sentence = _("这期间有人改了同一内容，请选择用哪一个；其余内容已保存。")
        return Outcome("decide", sentence, case, {"taken": sorted(found.take), "conflicts": list(found.conflicts)}, asked)
    if found.kept:
        return Outcome("merged", _("已保存，并保留了别人这期间的修改。"), case, {"merged": changed})
    return Outcome("applied", _("已保存。"), case)


def _changed(case: Case, name: str, mine: object, theirs: object) -> dict[str, Any]:
    """Return who changed a field last, as far as the history knows."""
    event = case.events.filter(after__has_key=name).order_by("-at", "-id").first()
    by, at = (event.actor, event.at.isoformat()) if event else ("", None)
    return {"field": name, "mine": mine, "theirs": theirs, "taken": "theirs", "by": by, "at": at}


def _note(operation: Operation, data: operations.Note, actor: Actor, now: dt.datetime) -> Outcome:
    case = amending.locked(number_of(data.case, operation.account_id), actor)
    photos = uploads.take(actor, case, data.photos, now)
    if not data.text.strip() and not photos:
        raise Refused(_("请写明情况，或附上照片。"), code="text")
    amending.note(case, data.text, actor, now, came_with(operation), photos)
    return Outcome("applied", _("已记入案件经过。"), case)


def _duty(operation: Operation, data: operations.DutyChange, actor: Actor, now: dt.datetime) -> Outcome:  # noqa: ARG001
    tracks.change_duty(operation, data.on)
    return Outcome("applied", _("已上岗。") if data.on else _("已下岗。"))


def _track(operation: Operation, data: operations.TrackPart, actor: Actor, now: dt.datetime) -> Outcome:  # noqa: ARG001
    task = PatrolTask.objects.select_for_update().filter(pk=data.task or 0, account_id=operation.account_id).first()
    kept, thrown = tracks.keep(operation, data.points, task)
    sentence = _("轨迹已收到 %d 个点。") % kept
    if thrown:
        sentence += _("%d 个点不在值岗时间内，未保留。") % thrown
    # Points are kept in the track alone, which forgets them; those off duty nowhere.
    operation.data = {"task": data.task, "kept": kept, "thrown": thrown}
    return Outcome("applied", sentence, details={"kept": kept, "thrown": thrown})


def _task(operation: Operation, data: operations.TaskChange, actor: Actor, now: dt.datetime) -> Outcome:
    task = PatrolTask.objects.select_for_update().filter(pk=data.task, account_id=operation.account_id).first()
    if task is None:
        raise NotFound(_("没有找到这项任务，可能已改派他人。"))
    fields: dict[str, Any] = {str(name): value for name, value in data.fields.items()}
    if "state" in fields and fields["state"] not in PatrolTask.State.values:
        raise Refused(_("任务没有这个状态。"), code="state")
    current = {name: getattr(task, name) for name in fields}
    found = threeway.merge(operation.base.get("fields", {}), fields, current)
    if found.take:
        for name, value in found.take.items():
            setattr(task, name, value)
        task.changed_at, task.changed_by = now, actor.name[:150]
        task.save()
    if found.conflicts:
        asked = Asked(
            {name: operation.base.get("fields", {}).get(name) for name in found.conflicts},
            {"fields": {name: current[name] for name in found.conflicts}, "by": task.changed_by, "at": task.changed_at},
            {name: fields[name] for name in found.conflicts},
            ("mine", "theirs"),
        )
        return Outcome("decide", _("这期间任务被改过，请选择用哪一个。"), None, {"conflicts": list(found.conflicts)}, asked)
    return Outcome("applied", _("任务已更新。"))


def _keep_as_note(operation: Operation, data: operations.Step, case: Case, actor: Actor, now: dt.datetime) -> None:
    photos = uploads.take(actor, case, data.photos, now)
    text = "；".join(part for part in (data.note.strip(), data.reason.strip()) if part)
    amending.note(case, text, actor, now, {**came_with(operation), "transition": data.transition}, photos)


def _last_step(case: Case) -> CaseEvent | None:
    return case.events.filter(kind="step").order_by("-at", "-id").first()


def _own_area(actor: Actor) -> str:
    """Return where an actor works when a report has no place: an area code, as far as the posts know."""
    return max((post.area for post in actor.posts if post.role in ("grid_worker", "verifier", "handler")), key=len, default="")
