# SPDX-License-Identifier: Apache-2.0
"""What a department may return work for (退单): a reason of the list, which is looked up before it counts.

reason_code       data that goes with it       counts when
not_listed        –                            the list does not charge the department with the case
other_body        clause: number of an entry   that entry speaks of the case and charges another body
wrong_category    proposed: the right code       the list charges another body with that category here
wrong_place       the step's lon and lat       the list charges another body with the case there
same_case         target: number of a case     that case is open and of the same type
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chengyun.access.actors import Actor
from chengyun.access.models import Organisation
from chengyun.areas.queries import area_of
from chengyun.cases.duties.models import Duty
from chengyun.cases.duties.queries import body_of, duties_on, duty_of
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case
from chengyun.cases.office import local_day
from chengyun.cases.owners import within
from chengyun.city import City, Transition

__all__ = ["REASONS", "cited"]

REASONS = {
    "not_listed": gettext_lazy("清单未列为本部门职责"),
    "other_body": gettext_lazy("清单列为其他部门职责"),
    "wrong_category": gettext_lazy("类别有误"),
    "wrong_place": gettext_lazy("位置有误"),
    "same_case": gettext_lazy("与另一案件重复"),
}


def cited(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    """Say why a return does not stand; None when it does. Where a city has no list, a reason in words is enough."""
    day = local_day(now)
    if not duties_on(case.type, day):
        return None if given.reason else _("退单须说明理由。")
    code = str(given.data.get("reason_code", ""))
    if code not in REASONS:
        return _("退单须选择权责清单上的理由：%s。") % "、".join(str(name) for name in REASONS.values())
    return _CHECKS[code](case, given, day)


def _not_listed(case: Case, given: Given, day: dt.date) -> str | None:  # noqa: ARG001
    duty = duty_of(case.type, case.category, case.area_code, day)
    return _named(duty) if duty is not None and _is_ours(case, body_of(duty, case.area_code)) else None


def _other_body(case: Case, given: Given, day: dt.date) -> str | None:
    number = str(given.data.get("clause", ""))
    duty = next((one for one in duties_on(case.type, day) if str(one.pk) == number), None)
    if duty is None or not duty.fits(case.category, case.area_code):
        return _("所引条款在今天的清单中不适用于本案件的类别和位置，请引用适用的条款。")
    counts = duty_of(case.type, case.category, case.area_code, day)
    if counts is not None and counts.pk != duty.pk:
        return _("清单中更具体的条款优先：%s。") % counts.clause
    return _named(duty) if _is_ours(case, body_of(duty, case.area_code)) else None


def _wrong_category(case: Case, given: Given, day: dt.date) -> str | None:
    code = str(given.data.get("proposed", ""))
    city: City = settings.CITY
    scheme = city.scheme(case.type)
    if scheme is not None and scheme.category(code, scheme.version_on(day)) is None:
        return _("请给出目录中的正确类别。")
    duty = duty_of(case.type, code, case.area_code, day)
    return _named(duty) if duty is not None and _is_ours(case, body_of(duty, case.area_code)) else None


def _wrong_place(case: Case, given: Given, day: dt.date) -> str | None:
    if given.lon is None or given.lat is None:
        return _("请在地图上标出正确位置。")
    there = area_of(given.lon, given.lat, "street", day) or area_of(given.lon, given.lat, "district", day) or ""
    duty = duty_of(case.type, case.category, there, day)
    return _named(duty) if duty is not None and _is_ours(case, body_of(duty, there)) else None


def _same_case(case: Case, given: Given, day: dt.date) -> str | None:  # noqa: ARG001
    number = str(given.data.get("target", ""))
    known = Case.objects.filter(number=number, type=case.type, ended=False).exclude(pk=case.pk).exists()
    return None if known else _("没有找到未结的同类案件 %s。") % number


def _is_ours(case: Case, body: Organisation) -> bool:
    """Say whether a body is the department charged, stands above it or below it."""
    ours = case.department
    return ours is not None and (within(body.key, ours) or within(ours.key, body))


def _named(duty: Duty) -> str:
    return _("权责清单把它列为本部门职责：%s。") % duty.clause


_CHECKS = {
    "not_listed": _not_listed, "other_body": _other_body, "wrong_category": _wrong_category,
    "wrong_place": _wrong_place, "same_case": _same_case,
}  # fmt: skip
