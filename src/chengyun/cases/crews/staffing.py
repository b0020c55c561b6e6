# SPDX-License-Identifier: Apache-2.0
"""Crews and when they are out: who is in one, what it can do, where its day begins, on which days it works."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require
from chengyun.cases.crews.models import Crew, Plan, Shift
from chengyun.cases.crews.needs import known_skills
from chengyun.errors import Refused

__all__ = ["Hours", "drop_shift", "save_crew", "save_shifts"]

LONGEST = dt.timedelta(days=92)
MOST_BREAK_MIN = 240


@dataclass(frozen=True, slots=True)
class Hours:
    """A crew's day: local times. break_min: 0: none; else it begins between the two times."""

    begins: dt.time
    ends: dt.time
    break_min: int = 0
    break_from: dt.time | None = None
    break_until: dt.time | None = None


def save_crew(
    key: str, body: Organisation, actor: Actor, *, name: str, skills: Collection[str], vehicle: str, start: tuple[float, float],
    end: tuple[float, float], members: Collection[int], active: bool = True,
) -> Crew:  # fmt: skip
    """Make a crew, or bring one up to date. Raises Refused."""
    require(actor, "crew.manage", body.area_code)
    if not name.strip():
        raise Refused(_("请填写班组名称。"), code="name")
    if unknown := sorted(set(skills) - set(known_skills())):
        raise Refused(_("没有这种技能：%s。") % "、".join(unknown), code="skill")
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in (start, end)):
        raise Refused(_("出发或收工地点不正确。"), code="place")
    people = list(Account.objects.filter(pk__in=members, is_active=True))
    if len(people) != len(set(members)):
        raise Refused(_("成员名单中有人已停用。"), code="account")
    values = {
        "name": name.strip()[:60], "skills": sorted(set(skills)), "vehicle": vehicle.strip()[:60], "start_lon": start[0],
        "start_lat": start[1], "end_lon": end[0], "end_lat": end[1], "active": active,
    }  # fmt: skip
    with transaction.atomic():
        crew = Crew.objects.select_for_update().filter(key=key).first() if key else None
        if crew is not None and crew.organisation_id != body.pk:
            raise Refused(_("这个标识已被别的部门使用。"), code="key")
        if crew is None:
            crew = Crew.objects.create(key=key or _free_key(body), organisation=body, **values)
        else:
            for field, value in values.items():
                setattr(crew, field, value)
            crew.save()
        crew.members.set(people)
        audit.record(actor, "crew.manage", "crew_plans", crew.key, detail={"active": active, "members": len(people)})
    return crew


def save_shifts(crew: Crew, first: dt.date, last: dt.date, weekdays: Collection[int], hours: Hours, actor: Actor) -> int:
    """Write a crew's shifts on the chosen weekdays (Monday is 0) of a span of days; return how many. Raises Refused."""
    require(actor, "crew.manage", crew.organisation.area_code)
    if not first <= last <= first + LONGEST:
        raise Refused(_("起止日期不正确，一次最多排 %d 天。") % LONGEST.days, code="days")
    if hours.ends <= hours.begins:
        raise Refused(_("下班时间应晚于上班时间。"), code="hours")
    if not 0 <= hours.break_min <= MOST_BREAK_MIN:
        raise Refused(_("休息不超过 %d 分钟。") % MOST_BREAK_MIN, code="break")
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    chosen = [day for day in days if day.weekday() in weekdays]
    if not chosen:
        raise Refused(_("这段时间里没有选中的日子。"), code="days")
    values = {
        "begins": hours.begins, "ends": hours.ends, "break_min": hours.break_min, "break_from": hours.break_from,
        "break_until": hours.break_until,
    }  # fmt: skip
    with transaction.atomic():
        for day in chosen:
            Shift.objects.update_or_create(crew=crew, day=day, defaults=values)
        audit.record(actor, "crew.shift", "crew_plans", crew.key, detail={"first": str(first), "days": len(chosen)})
    return len(chosen)


def drop_shift(crew: Crew, day: dt.date, actor: Actor) -> None:
    """Take a shift back; a plan of that day must be planned again. Raises Refused."""
    require(actor, "crew.manage", crew.organisation.area_code)
    if Plan.objects.filter(organisation=crew.organisation, day=day, state=Plan.State.ASKED).exists():
        raise Refused(_("这一天的计划正在计算，请稍候。"), code="stale_case")
    with transaction.atomic():
        Shift.objects.filter(crew=crew, day=day).delete()
        audit.record(actor, "crew.shift", "crew_plans", crew.key, detail={"dropped": str(day)})


def _free_key(body: Organisation) -> str:
    """Return a key nobody has: the body's own with a number."""
    taken: Sequence[str] = list(Crew.objects.filter(key__startswith=body.key[:24]).values_list("key", flat=True))
    for number in range(1, 1000):
        if (key := f"{body.key[:24]}-{number}") not in taken:
            return key
    raise IntegrityError("no key is free")
