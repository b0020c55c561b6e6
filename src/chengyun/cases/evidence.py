# SPDX-License-Identifier: Apache-2.0
"""What a step must bring, and the conditions under which it is open."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Organisation
from chengyun.cases import clock as clocks
from chengyun.cases import hooks
from chengyun.cases.course import clock_of
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case
from chengyun.cases.office import work_time
from chengyun.cases.owners import within
from chengyun.cases.prepared import fetch
from chengyun.city import Transition
from chengyun.errors import Refused

__all__ = ["check_assignee", "check_step", "missing_needs", "needs_no_verification"]


def check_step(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> None:
    """Raise Refused unless counters, evidence and guards let the step be taken."""
    if not step.open_at(vars(case)):
        raise Refused(_("“%s”的次数已经用完，或还不到时候。") % _(step.name), code="step_closed", step=step.key)
    if missing := missing_needs(step, case, given):
        words = {
            "reason": _("原因"), "note": _("办理情况"), "assignee": _("承办人"), "photo": _("照片"), "place": _("位置"),
            "category": _("类别"), "until": _("期限"), "owner": _("责任部门"), "target": _("并入的案件"),
        }  # fmt: skip
        said = "、".join(words[need] for need in missing)
        raise Refused(
            _("“%(step)s”需要填写%(missing)s。") % {"step": _(step.name), "missing": said},
            code="evidence_missing",
            missing=missing,
        )
    if given.until is not None and given.until <= now:
        raise Refused(_("期限要晚于现在。"), code="until_past")
    for need in step.needs:
        if (look := hooks.evidence.get(need)) and (why := look(case, step, given, actor, now)):
            raise Refused(why, code="evidence_refused", need=need)
    for name in step.guard:
        if (guard := hooks.guards.get(name)) is None:
            raise LookupError(f"guard {name!r} of transition {step.key!r} is registered by no app.")
        if why := guard(case, step, given, actor, now):
            raise Refused(why, code=name, step=step.key)


def missing_needs(step: Transition, case: Any, given: Given) -> list[str]:
    """Return what a step asks for and neither was given nor is known of the case. case: a models.Case or a Draft."""
    return [need for need in step.needs if not _is_given(need, case, given)]


def needs_no_verification(source: str) -> bool:
    """Say whether a case from a source is filed without a look: 监督员上报, 预警, and what another system has verified."""
    return source in (Case.Source.PATROL, Case.Source.ALERT, Case.Source.IMPORT)


def _is_given(need: str, case: Any, given: Given) -> bool:
    match need:
        case "reason":
            return bool(given.reason or given.data.get("reason_code"))
        case "note":
            return bool(given.note)
        case "photo":
            return bool(given.photos)
        case "place":
            return (given.lon is not None and given.lat is not None) or (case.lon is not None and case.lat is not None)
        case "category":
            return bool(given.data.get("category") or case.category)
        case "target":
            return bool(given.data.get("target"))
    return getattr(given, need) is not None


def check_assignee(owner: Organisation, person: Account, now: dt.datetime) -> None:
    """Raise Refused unless the person belongs to the organisation, or to one above it."""
    actor = actor_of_account(person, now)
    bodies = {post.organisation for post in actor.posts} | {actor.organisation}
    if not person.is_active or not any(body is not None and within(body, owner) for body in bodies):
        raise Refused(
            _("%(person)s 不是主办单位 %(owner)s 的人员。") % {"person": person, "owner": owner.name}, code="not_of_owner"
        )


def _trusted_source(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    return None if needs_no_verification(case.source) else _("公众举报须先经监督员核实。")


def _duty_list_reason(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    return None if given.reason or given.data.get("reason_code") else _("退单须说明权责清单上的理由。")


WAITING = "SELECT number FROM cases_case WHERE lead_id = %s::bigint AND NOT ended ORDER BY opened_at DESC, id DESC LIMIT 3"


def _parts_ended(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    waiting = [row[0] for row in fetch(WAITING, [case.pk])]
    return _("协办案件 %s 尚未办结。") % "、".join(waiting) if waiting else None


def _independent_person(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    """Who did the work, and who belongs to the body that did, does not verify it."""
    if actor.account_id is not None and actor.account_id in (case.handled_by_id, case.person_id):
        return _("核查须由没有参与处置的人员进行。")
    charged, keys = case.department, _bodies_of(actor)
    if charged is not None and keys and any(within(charged.key, body) for body in Organisation.objects.filter(key__in=keys)):
        return _("核查须由责任部门以外的人员进行。")
    return None


def _bodies_of(actor: Actor) -> set[str]:
    return {key for key in (actor.organisation, *(post.organisation for post in actor.posts)) if key}


def _overdue(case: Case, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> str | None:  # noqa: ARG001
    shown = clocks.view(clock_of(case.clock), now, work_time())
    return None if shown.overdue else _("还没有超过时限。")


hooks.guards |= {
    "trusted_source": _trusted_source, "duty_list_reason": _duty_list_reason, "parts_ended": _parts_ended,
    "independent_person": _independent_person, "overdue": _overdue,
}  # fmt: skip
