# SPDX-License-Identifier: Apache-2.0
"""Reports and the machine of their cases: which declared step is meant when the desk accepts or a reporter is not content."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext as _

from chengyun.access.actors import SYSTEM, Actor
from chengyun.cases import hooks
from chengyun.cases.hooks import Given
from chengyun.cases.intake import placing
from chengyun.cases.models import Case
from chengyun.cases.records import write_event
from chengyun.cases.rights import steps_of, type_of
from chengyun.cases.services import take_step
from chengyun.city import CaseType, Transition
from chengyun.errors import Refused

__all__ = ["accept", "merging_step", "note", "parting_step", "place", "refuse", "reopen"]


def accept(case: Case, category: str, actor: Actor, now: dt.datetime) -> Case:
    """Take a case up: the first step on that its guards allow, those with guards before those without."""
    declared = type_of(case.type)
    if case.state != declared.states[0].key:
        return case  # the case is under way already; only this report was waiting
    ways = [step for step in steps_of(actor, case) if not step.merges and not _ends(declared, step)]
    given = Given(data={"category": category})
    refused = ""
    for step in sorted(ways, key=lambda one: not one.guard):
        refused = next((why for name in step.guard if (why := hooks.guards[name](case, step, given, actor, now))), "")
        if not refused:
            return take_step(case, step.key, actor, now, lon=case.lon, lat=case.lat, data={"category": category})
    raise Refused(refused or _("您的岗位不能受理这件上报。"), code="not_allowed")


def refuse(case: Case, reason: str, actor: Actor, now: dt.datetime) -> Case:
    """End a case that nothing follows from. A case others reported too goes on without this report."""
    if case.report_count > 1 or case.ended:
        return case
    declared = type_of(case.type)
    step = next((one for one in steps_of(actor, case) if _ends(declared, one) and not one.merges), None)
    if step is None:
        raise Refused(_("案件已在办理，不能再作不受理处理。"), code="stale_case")
    return take_step(case, step.key, actor, now, reason=reason)


def reopen(case: Case, why: str, now: dt.datetime) -> Case | None:
    """Open an ended case again for its reporter; None where its type does not let it be opened, or not once more."""
    step = next((one for one in steps_of(SYSTEM, case) if one.counts == "reopened"), None)
    return take_step(case, step.key, SYSTEM, now, reason=why) if step else None


def merging_step(case: Case, actor: Actor) -> Transition | None:
    """Return the step that ends a case in another one; None when the actor may not take it there."""
    return next((step for step in steps_of(actor, case) if step.merges), None)


def parting_step(case: Case, actor: Actor) -> Transition | None:
    """Return the step that takes a merged case out again."""
    return next((step for step in steps_of(actor, case) if step.counts is None), None)


def place(case: Case, lon: float, lat: float, actor: Actor, now: dt.datetime) -> None:
    """Give a case that came without a place the one the desk found out."""
    case.lon, case.lat, case.area_code = lon, lat, placing.area_at(lon, lat)
    case.save(update_fields=["lon", "lat", "area_code"])
    note(case, "located", now, {"lon": lon, "lat": lat, "area": case.area_code}, actor=actor)


def note(case: Case, kind: str, now: dt.datetime, after: dict[str, object], text: str = "", actor: Actor = SYSTEM) -> None:
    """Write into a case's history what a reporter did or said."""
    write_event(case, kind, actor, now, after=after, note=text)


def _ends(declared: CaseType, step: Transition) -> bool:
    return declared.state(step.to).clock == "ended"
