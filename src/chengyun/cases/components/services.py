# SPDX-License-Identifier: Apache-2.0
"""What happens to components: looked at, found broken, named by a case, ended because they are another.

due ─▶ task ─▶ inspect ─▶ intact                       the next look is one cycle later
                      └─▶ damaged, missing, occupied   a case, unless one is open about it
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.cases import services as cases
from chengyun.cases.components.models import Inspection, TaskComponent
from chengyun.cases.components.register import component, kind, local_day
from chengyun.cases.field.models import PatrolTask
from chengyun.cases.models import Case
from chengyun.cases.records import said, write_event
from chengyun.cases.rights import visible
from chengyun.city.models import ComponentRegister
from chengyun.errors import NotFound, Refused

__all__ = ["end_twin", "inspect", "link", "make_inspections"]

WRONG = ("damaged", "missing", "occupied")
MOST_IN_TASK = 200


def inspect(
    key: str, state: str, actor: Actor, now: dt.datetime, *, note: str = "", task: PatrolTask | None = None
) -> Inspection:  # fmt: skip
    """Write down one look at a component, and open a case about what is wrong with it. Raises Refused or NotFound."""
    if state not in ComponentRegister.State.values:
        raise Refused(_("请选择部件现在的状态。"), code="state")
    known = kind()
    with transaction.atomic():
        seen = component(actor, key)
        require(actor, "component.inspect", seen.area_code)
        row = known.model._default_manager.select_for_update().get(pk=seen.pk)
        case = _open(row, state, note, actor, now) if state in WRONG else None
        row.state = state
        row.inspected_at = max(now, row.inspected_at or now)
        row.save(update_fields=["state", "inspected_at"])
        found = Inspection.objects.create(
            component=row.key, at=now, account_id=actor.account_id, by=actor.name[:150], state=state, note=note.strip()[:500],
            task=task, case=case,
        )  # fmt: skip
        open_parts = TaskComponent.objects.filter(component=row.key, done_at=None)
        (open_parts.filter(task=task) if task else open_parts.filter(task__account_id=actor.account_id or 0)).update(done_at=now)
        audit.record(actor, "component.inspect", known.dataset, row.key, detail={"state": state})
    return found


def make_inspections(
    keys: Sequence[str], account_id: int, actor: Actor, now: dt.datetime, *, until: dt.datetime, title: str = ""
) -> PatrolTask:  # fmt: skip
    """Give somebody components to look at. Those that stand in an open task already are left out. Raises Refused."""
    if not 0 < len(keys) <= MOST_IN_TASK:
        raise Refused(_("一个任务请选 1 到 %d 件部件。") % MOST_IN_TASK, code="components")
    if until <= now:
        raise Refused(_("截止时间已经过去。"), code="until")
    person = Account.objects.filter(pk=account_id, is_active=True).first()
    if person is None:
        raise Refused(_("请选择执行人。"), code="account")
    with transaction.atomic():
        rows = [component(actor, key) for key in dict.fromkeys(keys)]
        area = _common([row.area_code for row in rows])
        require(actor, "field.assign", area)
        busy = set(
            TaskComponent.objects.filter(component__in=[row.key for row in rows], done_at=None, task__until__gte=now)
            .exclude(task__state__in=[PatrolTask.State.DONE, PatrolTask.State.HINDERED])
            .values_list("component", flat=True)
        )
        wanted = [row for row in rows if row.key not in busy]
        if not wanted:
            raise Refused(_("这些部件都已经在未完成的任务里。"), code="busy")
        names = "、".join(dict.fromkeys(row.name for row in wanted[:3]))
        task = PatrolTask.objects.create(
            title=(title.strip() or _("检查 %(count)d 件部件：%(names)s") % {"count": len(wanted), "names": names})[:120],
            kind=PatrolTask.Kind.INSPECT, account=person, area_code=area, note="\n".join(map(_line, wanted)), begins_at=now,
            until=until, changed_at=now, changed_by=actor.name[:150], made_by_id=actor.account_id,
        )  # fmt: skip
        TaskComponent.objects.bulk_create([TaskComponent(task=task, component=row.key) for row in wanted])
        audit.record(actor, "field.assign", "patrol_tasks", str(task.pk), detail={"components": len(wanted)})
    return task


def link(number: str, key: str, actor: Actor, now: dt.datetime) -> None:
    """Say which component a case is about; an empty key takes the word back. Raises Refused or NotFound."""
    with transaction.atomic():
        rows = Case.objects.select_for_update(of=("self",)).select_related("owner", "department", "clock", "stage")
        case = rows.filter(number=number).first()
        if case is None or not visible(actor, case):
            raise NotFound(_("没有找到案件 %s。") % number)
        require(actor, "case.handle", case.area_code)
        if case.ended:
            raise Refused(_("案件已经结束，不能再修改。"), code="stale_case")
        known = component(actor, key).key if key else ""
        if known == case.component_key:
            return
        before = said(case) | {"component_key": case.component_key}
        case.component_key = known
        case.save(update_fields=["component_key"])
        write_event(case, "amended", actor, now, before=before, after=said(case) | {"component_key": known})
        audit.record(actor, "case.amend", "cases", case.number, detail={"fields": ["component_key"]})


def end_twin(key: str, same_as: str, actor: Actor, now: dt.datetime) -> None:
    """End a component that is registered a second time: its cases and looks go to the other. Raises Refused or NotFound."""
    known, day = kind(), local_day(now)
    with transaction.atomic():
        row, other = component(actor, key), component(actor, same_as)
        require(actor, "component.manage", row.area_code)
        require(actor, "component.manage", other.area_code)
        if row.pk == other.pk or row.category != other.category or row.valid_to is not None or other.valid_to is not None:
            raise Refused(_("只能合并两件同类、都在用的部件。"), code="twin")
        known.model._default_manager.filter(pk=row.pk).update(
            valid_to=max(day, (row.valid_from or day) + dt.timedelta(days=0)), state=ComponentRegister.State.REMOVED
        )
        Case.objects.filter(component_key=row.key, type=known.case_type).update(component_key=other.key)
        Inspection.objects.filter(component=row.key).update(component=other.key)
        TaskComponent.objects.filter(component=row.key, done_at=None).update(done_at=now)
        if row.inspected_at and (other.inspected_at is None or other.inspected_at < row.inspected_at):
            known.model._default_manager.filter(pk=other.pk).update(inspected_at=row.inspected_at)
        audit.record(actor, "component.end", known.dataset, row.key, detail={"same_as": other.key})


def _open(row: ComponentRegister, state: str, note: str, actor: Actor, now: dt.datetime) -> Case:
    """Return the open case about a component, or open one."""
    known = kind()
    open_one = Case.objects.filter(component_key=row.key, type=known.case_type, ended=False).order_by("opened_at").first()
    if open_one is not None:
        return open_one
    with translation.override(settings.LANGUAGE_CODE):
        # A title is in the language of the city, whoever opens the case; pages say it in their reader's.
        word = str(ComponentRegister.State(state).label)
    return cases.open_case(
        known.case_type, f"{row.name}：{word}"[:200], actor, now, category=row.category, source=Case.Source.PATROL,
        description=note.strip()[:4000], address=row.address, lon=row.lon, lat=row.lat, area_code=row.area_code,
        component_key=row.key, evidence={"component": row.key, "state": state}, simulated=row.simulated,
    )  # fmt: skip


def _common(codes: Sequence[str]) -> str:
    """Return the smallest area that holds all of them, by their codes; "" is the whole city."""
    for length in (12, 9, 6):
        heads = {code[:length] for code in codes}
        if len(heads) == 1 and len(next(iter(heads))) == length:
            return next(iter(heads))
    return ""


def _line(row: ComponentRegister) -> str:
    return f"{row.key} {row.name} {row.address}".strip()
