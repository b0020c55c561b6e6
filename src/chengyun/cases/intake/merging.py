# SPDX-License-Identifier: Apache-2.0
"""One problem, many reporters: reports that join a case, cases that become one, and the way back from both.

(filing: services.py)    what was reported is known already: the report joins a case
separate(report)         it was not: the report gets a case of its own
merge(case, into)        two cases are one problem; every reporter follows, and hears so
unmerge(case)            they were two after all: the case goes on where it stood, its own reporters with it
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import SYSTEM, Actor
from chengyun.access.policy import require
from chengyun.cases import services as cases
from chengyun.cases.intake import steps
from chengyun.cases.intake.messages import tell
from chengyun.cases.intake.models import Merge, Photo, Report
from chengyun.cases.intake.thinking import report_type
from chengyun.cases.models import Case
from chengyun.cases.rights import visible
from chengyun.errors import NotFound, Refused

__all__ = ["merge", "separate", "unmerge"]


def separate(report: Report, actor: Actor, now: dt.datetime) -> Case:
    """Take a report out of the case it joined into one of its own, and return that. Raises Refused when it joined none."""
    require(actor, "intake.settle", report.area_code)
    with transaction.atomic():
        held = Report.objects.select_for_update().get(pk=report.pk)
        if held.state != Report.State.JOINED or held.case_id is None:
            raise Refused(_("这件上报没有并入别的案件。"), code="not_joined")
        former = Case.objects.select_for_update().get(pk=held.case_id)
        case = held.home or cases.open_case(
            report_type(), held.text.splitlines()[0][:60], SYSTEM, now, category=held.category, source=held.channel,
            description=held.text, address=held.address, area_code=held.area_code, lon=held.lon, lat=held.lat,
            evidence={"report": held.number}, simulated=held.simulated,
        )  # fmt: skip
        held.case = held.home = case
        held.state, held.settled_at = Report.State.WAITING, None
        held.save(update_fields=["case", "home", "state", "settled_at"])
        Photo.objects.filter(report=held).update(case=case)
        _count(former, -1)
        steps.note(former, "report_separated", now, {"report": held.number, "case": case.number}, actor=actor)
        tell(held, "separated", now)
        audit.record(actor, "report.separate", "reports", held.number, detail={"from": former.number, "case": case.number})
    return case


def merge(case: Case | str, into: Case | str, actor: Actor, now: dt.datetime, note: str = "") -> Merge:
    """Make one case of two and return what undoes it. Raises NotFound, or Refused for cases that cannot be one."""
    first, second = _number(case), _number(into)
    if first == second:
        raise Refused(_("不能并入自身。"), code="same_case")
    with transaction.atomic():
        held = {one.number: one for one in Case.objects.select_for_update().filter(number__in=[first, second]).order_by("id")}
        if len(held) < 2 or not all(visible(actor, one) for one in held.values()):
            raise NotFound(_("没有找到要合并的案件。"))
        gone, kept = held[first], held[second]
        if gone.type != kept.type or kept.ended or kept.merged_into_id is not None:
            raise Refused(_("只能并入同一类型、仍在办理的案件。"), code="stale_case")
        step = steps.merging_step(gone, actor)
        if step is None:
            raise Refused(_("案件 %s 现在不能并入别的案件。") % gone.number, code="stale_case")
        moved = list(Report.objects.filter(case=gone).order_by("id"))
        made = Merge.objects.create(case=gone, into=kept, reports=[one.number for one in moved], at=now, actor=actor.name[:150])
        cases.take_step(gone, step.key, actor, now, reason=note or _("同一问题"), note=note, data={"target": kept.number})
        Report.objects.filter(pk__in=[one.pk for one in moved]).update(case=kept, state=Report.State.JOINED, settled_at=now)
        Photo.objects.filter(case=gone).update(case=kept)
        steps.note(kept, "case_taken_in", now, {"case": gone.number, "reports": made.reports}, note, actor)
        for report in moved:
            tell(report, "merged", now)
    return made


def unmerge(case: Case | str, actor: Actor, now: dt.datetime, note: str = "") -> Case:
    """Take a case out of the one it was merged into and return it, open again with its own reports. Raises Refused."""
    with transaction.atomic():
        made = (
            Merge.objects.select_for_update()
            .select_related("case", "into")
            .filter(case__number=_number(case), undone_at=None)
            .first()
        )
        if made is None or not visible(actor, made.case):
            raise NotFound(_("这个案件没有并入别的案件。"))
        require(actor, "intake.settle", made.case.area_code)
        step = steps.parting_step(made.case, actor)
        if step is None:
            raise Refused(_("您的岗位不能撤销这次合并。"), code="not_allowed")
        gone = cases.take_step(made.case, step.key, actor, now, reason=note or _("经核对不是同一问题"))
        back = list(Report.objects.filter(number__in=made.reports, case=made.into).order_by("id"))
        Report.objects.filter(pk__in=[one.pk for one in back]).update(case=gone, state=Report.State.ACCEPTED)
        Photo.objects.filter(report__in=back).update(case=gone)
        made.undone_at, made.undone_by = now, actor.name[:150]
        made.save(update_fields=["undone_at", "undone_by"])
        steps.note(made.into, "case_taken_out", now, {"case": gone.number}, note, actor)
        for report in back:
            tell(report, "separated", now)
    return gone


def _number(case: Case | str) -> str:
    return case if isinstance(case, str) else case.number


def _count(case: Case, more: int) -> None:
    Case.objects.filter(pk=case.pk).update(report_count=F("report_count") + more)
    case.refresh_from_db(fields=["report_count"])
