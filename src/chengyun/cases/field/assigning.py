# SPDX-License-Identifier: Apache-2.0
"""Tasks for people outside: made by a dispatcher, given to somebody else, taken back."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.areas import queries as areas
from chengyun.areas.models import Area
from chengyun.cases.field import coverage
from chengyun.cases.field.models import PatrolTask
from chengyun.errors import Refused

__all__ = ["give", "make", "take_back"]

LONGEST = dt.timedelta(days=31)


def make(
    kind: str, title: str, account_id: int, area_code: str, begins_at: dt.datetime, until: dt.datetime, actor: Actor,
    now: dt.datetime, *, note: str = "", wanted_share: float = 0.8,
) -> PatrolTask:  # fmt: skip
    """Make a task in an area. A patrol's coverage is counted in cells where the area's boundary is known. Raises Refused."""
    require(actor, "field.assign", area_code)
    if kind not in PatrolTask.Kind.values:
        raise Refused(_("请选择任务类型。"), code="kind")
    if areas.area(area_code) is None:
        raise Refused(_("请选择区域。"), code="area")
    if not begins_at < until <= begins_at + LONGEST or until <= now:
        raise Refused(_("截止应在开始之后，最长 31 天，且不早于现在。"), code="until")
    if not 0 < wanted_share <= 1:
        raise Refused(_("应覆盖的比例在 0 到 100 % 之间。"), code="share")
    person = _person(account_id)
    named = title.strip() or f"{PatrolTask.Kind(kind).label}：{areas.name_of(area_code)}"
    with transaction.atomic():
        task = PatrolTask.objects.create(
            title=named[:120], kind=kind, account=person,
            area_code=area_code, note=note.strip()[:4000], begins_at=begins_at, until=until, wanted_share=wanted_share,
            cells=_cells(area_code) if kind == PatrolTask.Kind.PATROL else None, changed_at=now, changed_by=actor.name[:150],
            made_by_id=actor.account_id,
        )  # fmt: skip
        audit.record(actor, "field.assign", "patrol_tasks", str(task.pk), detail={"account": person.pk})
    return task


def give(task: PatrolTask, account_id: int, actor: Actor, now: dt.datetime) -> None:
    """Give a task to somebody else; what has been seen of its area stays seen. Raises Refused."""
    require(actor, "field.assign", task.area_code)
    person = _person(account_id)
    with transaction.atomic():
        held = PatrolTask.objects.select_for_update().get(pk=task.pk)
        if held.state == PatrolTask.State.DONE:
            raise Refused(_("任务已经完成。"), code="settled")
        held.account, held.changed_at, held.changed_by = person, now, actor.name[:150]
        held.save(update_fields=["account", "changed_at", "changed_by"])
        audit.record(actor, "field.assign", "patrol_tasks", str(task.pk), detail={"account": person.pk})


def take_back(task: PatrolTask, actor: Actor, now: dt.datetime) -> None:
    """End a task that nobody need do any more: its time is over now. Raises Refused."""
    require(actor, "field.assign", task.area_code)
    with transaction.atomic():
        held = PatrolTask.objects.select_for_update().get(pk=task.pk)
        if held.state == PatrolTask.State.DONE:
            raise Refused(_("任务已经完成。"), code="settled")
        held.until, held.state, held.changed_at, held.changed_by = now, PatrolTask.State.HINDERED, now, actor.name[:150]
        held.begins_at = min(held.begins_at, now)
        held.save(update_fields=["begins_at", "until", "state", "changed_at", "changed_by"])
        audit.record(actor, "field.assign", "patrol_tasks", str(task.pk), detail={"taken_back": True})


def _person(account_id: int) -> Account:
    person = Account.objects.filter(pk=account_id, is_active=True).first()
    if person is None:
        raise Refused(_("请选择执行人。"), code="account")
    return person


def _cells(area_code: str) -> dict[str, object] | None:
    """Return the cells of the area, or of the smallest area around it whose boundary is known; None where none is."""
    import shapely

    day = areas.today()
    for size in (len(area_code), 12, 9, 6):
        if size > len(area_code):
            continue
        row = (
            Area.objects.filter(code=area_code[:size], valid_from__lte=day, boundary__isnull=False)
            .exclude(valid_to__lte=day)
            .first()
        )
        if row is not None and row.boundary is not None:
            if size < len(area_code) and size <= 6:
                return None  # a whole district says nothing about whether a community was walked
            found = coverage.cells_of(shapely.from_wkb(bytes(row.boundary)))
            return {
                "size_m": found.size_m, "west": found.west, "south": found.south, "nx": found.columns, "ny": found.rows,
                "wanted": sorted(map(list, found.wanted)),
            }  # fmt: skip
    return None
