# SPDX-License-Identifier: Apache-2.0
"""What happens to cases: opening, stepping, assigning. Nothing else writes them.

Every deed locks the case's row, checks that the step begins where the case stands, and leaves an event and an audit
record in the same transaction. Who saw an older state is refused, so two people never take the same step.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account
from chengyun.access.policy import may, require, scope
from chengyun.cases import clock as clocks
from chengyun.cases.models import Case, CaseAlert, CaseClock, CaseEvent, CaseNumber
from chengyun.cases.owners import find_owner, within
from chengyun.city import CaseType, City, State, Transition
from chengyun.config import config
from chengyun.errors import NotFound, Refused, nearest
from chengyun.operate import services as alerts
from chengyun.operate.models import Alert

__all__ = ["assign", "may_step", "open_case", "steps_of", "take_step", "visible"]

DEPARTMENTS = frozenset({"department_clerk", "handler", "grid_worker"})
"""Roles that act for the body they belong to: only on cases that body, or one below it, owns."""


def open_case(
    type_key: str,
    title: str,
    actor: Actor,
    now: dt.datetime,
    *,
    alert: Alert | None = None,
    area_code: str = "",
    lon: float | None = None,
    lat: float | None = None,
    evidence: Mapping[str, Any] | None = None,
    simulated: bool = False,
) -> Case:
    """Open a case with its owner, clock and evidence, and return it.

    type_key: qualified key of a CaseType. alert: the alert it answers; one that has a case already gives that case, and
    an open case of the same group takes it in.
    """
    declared = _type(type_key)
    area = alert.area_code if alert else area_code
    require(actor, "case.open", area)
    with transaction.atomic():
        if alert is not None:
            alert = Alert.objects.select_for_update().get(pk=alert.pk)
            known = _case_of(alert, type_key)
            if known is not None:
                _join(known, alert, actor, now)
                return known
        owner = find_owner(declared.owner, area)
        first = declared.states[0]
        clock = clocks.start(declared.limit, first.clock, now)
        case = Case.objects.create(
            number=_next_number(now), type=type_key, state=first.key, ended=first.clock == "ended", title=title[:200],
            owner=owner.organisation, area_code=area, lon=lon, lat=lat, opened_at=now, due_at=now + declared.limit,
            closed_at=now if first.clock == "ended" else None, simulated=alert.simulated if alert else simulated,
            evidence={**(evidence or {}), **({"alert": alert.pk, **alert.evidence} if alert else {})},
        )  # fmt: skip
        CaseClock.objects.create(case=case, limit_s=int(clock.limit_s), used_s=clock.used_s, running_since=clock.running_since)
        _event(case, "opened", actor, now, after={"state": first.key, "owner": owner.organisation.key})
        if not owner.known:
            note = _("没有找到 %(owner)s 在此区域的部门，由 %(centre)s 承接。") % {
                "owner": declared.owner,
                "centre": owner.organisation.name,
            }
            _event(case, "owner_unknown", actor, now, after={"owner": owner.organisation.key}, note=note)
        if alert is not None:
            _join(case, alert, actor, now)
        audit.record(actor, "case.open", "cases", case.number, detail={"type": type_key, "owner": owner.organisation.key})
        _tell(case)
    return case


def take_step(
    case: Case | str,
    transition: str,
    actor: Actor,
    now: dt.datetime,
    *,
    seen: str | None = None,
    reason: str = "",
    note: str = "",
    assignee: Account | None = None,
) -> Case:
    """Take a step of a case's type and return the case.

    case: the case or its number. seen: the state the person saw; None: the step's own source.
    assignee: a person of the owning organisation.
    Raises NotFound, or Refused: a stale state, a role that may not, evidence that is missing.
    """
    with transaction.atomic():
        held = _locked(case, actor)
        declared = _type(held.type)
        step = next((one for one in declared.transitions if one.key == transition), None)
        if step is None:
            known = [one.key for one in declared.transitions]
            raise Refused(_("案件没有“%s”这一步。") % transition + nearest(transition, known), code="unknown_step")
        if held.state != step.source or (seen is not None and seen != held.state):
            raise Refused(
                _("案件已是“%(state)s”，不能“%(step)s”。可能已有人办理，请刷新后再看。")
                % {"state": _state(declared, held.state).name, "step": step.name},
                code="stale_case",
                state=held.state,
            )
        target = _state(declared, step.to)
        if not may_step(actor, held, step, declared):
            raise Refused(_("您的岗位不能在此案件上“%s”。") % step.name, code="not_allowed", step=step.key)
        _check_needs(step, {"reason": reason.strip(), "note": note.strip(), "assignee": assignee})
        if assignee is not None:
            _check_assignee(held, assignee, now)
        before = _said(held)
        clock = _move_clock(held, target, now)
        held.state, held.ended = target.key, target.clock == "ended"
        held.closed_at = now if held.ended else None
        if assignee is not None:
            held.person = assignee
        shown = clocks.view(clock, now)
        held.due_at = shown.due_at or held.due_at
        held.save()
        _event(held, "step", actor, now, step.key, before, _said(held), reason.strip(), note.strip())
        if held.ended:
            _end_alerts(held, actor, now)
        audit.record(actor, f"case.{step.key}", "cases", held.number, detail={"from": step.source, "to": step.to})
        _tell(held)
    return held


def assign(case: Case | str, person: Account, actor: Actor, now: dt.datetime, note: str = "") -> Case:
    """Give a case to a person of the owning organisation. Raises NotFound or Refused."""
    with transaction.atomic():
        held = _locked(case, actor)
        require(actor, "case.assign", held.area_code)
        if not _acts_for_owner(actor, held, frozenset({"duty_officer", "department_clerk"})):
            raise Refused(_("这个案件由 %s 主办，只能由其人员分派。") % held.owner.name, code="not_allowed")
        if held.ended:
            raise Refused(_("案件已经结束，不能再分派。"), code="stale_case")
        _check_assignee(held, person, now)
        before = _said(held)
        held.person = person
        held.save(update_fields=["person"])
        _event(held, "assigned", actor, now, before=before, after=_said(held), note=note.strip())
        audit.record(actor, "case.assign", "cases", held.number, detail={"person": person.pk})
        _tell(held)
    return held


def may_step(actor: Actor, case: Case, step: Transition, declared: CaseType | None = None) -> bool:
    """Say whether an actor may take a step of a case that stands at its source."""
    declared = declared or _type(case.type)
    action = "case.close" if _state(declared, step.to).clock == "ended" else "case.handle"
    return may(actor, action, case.area_code) and _acts_for_owner(actor, case, frozenset(step.by))


def _acts_for_owner(actor: Actor, case: Case, roles: frozenset[str]) -> bool:
    """Say whether the actor holds one of the roles where the case is; a department's role counts for its own cases only."""
    if "system" in actor.roles:
        return True
    return any(
        post.role in roles
        and case.area_code.startswith(post.area)
        and (post.role not in DEPARTMENTS or within(post.organisation or actor.organisation, case.owner))
        for post in actor.posts
    )


def _check_needs(step: Transition, given: Mapping[str, Any]) -> None:
    words = {"reason": _("原因"), "note": _("办理情况"), "assignee": _("承办人")}
    missing = [words.get(need, need) for need in step.needs if not given.get(need)]
    if missing:
        raise Refused(
            _("“%(step)s”需要填写%(missing)s。") % {"step": step.name, "missing": "、".join(missing)},
            code="evidence_missing",
            missing=[need for need in step.needs if not given.get(need)],
        )


def _check_assignee(case: Case, person: Account, now: dt.datetime) -> None:
    actor = actor_of_account(person, now)
    bodies = {post.organisation for post in actor.posts} | {actor.organisation}
    if not person.is_active or not any(body is not None and within(body, case.owner) for body in bodies):
        raise Refused(
            _("%(person)s 不是主办单位 %(owner)s 的人员。") % {"person": person, "owner": case.owner.name}, code="not_of_owner"
        )


def _case_of(alert: Alert, type_key: str) -> Case | None:
    """Return the case that answers an alert already, or the open case of its group that can take it in."""
    answer = CaseAlert.objects.filter(alert=alert).select_related("case").first()
    if answer is not None:
        return answer.case
    if not alert.group_key:
        return None
    # Two alerts of one group that arrive together must find each other: the group is locked by its name.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"case group {alert.group_key}"])
    cases = Case.objects.select_for_update().filter(type=type_key, ended=False, case_alerts__alert__group_key=alert.group_key)
    return cases.order_by("id").first()


def _join(case: Case, alert: Alert, actor: Actor, now: dt.datetime) -> None:
    _, made = CaseAlert.objects.get_or_create(alert=alert, defaults={"case": case, "joined_at": now})
    if made:
        alerts.case_opened(alert, case.number, actor, now)
        after = {"alert": alert.pk, "rule": alert.rule, "subject": alert.subject}
        _event(case, "alert_joined", actor, now, after=after)


def _end_alerts(case: Case, actor: Actor, now: dt.datetime) -> None:
    for alert in Alert.objects.select_for_update().filter(case_alert__case=case).order_by("id"):
        alerts.case_ended(alert, case.number, actor, now)


def _move_clock(case: Case, target: State, now: dt.datetime) -> clocks.Clock:
    row = case.clock
    moved = clocks.move(clocks.Clock(row.limit_s, row.used_s, row.running_since), target.clock, now)
    row.used_s, row.running_since = moved.used_s, moved.running_since
    row.save()
    return moved


def _locked(case: Case | str, actor: Actor) -> Case:
    number = case if isinstance(case, str) else case.number
    held = Case.objects.select_for_update(of=("self",)).select_related("owner", "clock").filter(number=number).first()
    if held is None or not visible(actor, held):
        raise NotFound(_("没有找到案件 %s。") % number)
    return held


def visible(actor: Actor, case: Case) -> bool:
    """Say whether an actor may read a case: as a case of its type, or as one of all cases."""
    row = {"area_code": case.area_code, "dataset": case.type}
    return scope(actor, case.type).matches(row) or scope(actor, "cases").matches(row)


def _next_number(now: dt.datetime) -> str:
    """Return the next number of the city's year, e.g. 2026-000123. Numbers of one year have no gaps."""
    year = now.astimezone(config().zone).year
    CaseNumber.objects.get_or_create(year=year, defaults={"last": 0})
    CaseNumber.objects.filter(year=year).update(last=F("last") + 1)
    return f"{year}-{CaseNumber.objects.get(year=year).last:06d}"


def _event(
    case: Case,
    kind: str,
    actor: Actor,
    now: dt.datetime,
    transition: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    note: str = "",
) -> None:
    CaseEvent.objects.create(
        case=case, at=now, kind=kind, transition=transition, actor=actor.name, account_id=actor.account_id,
        before=dict(before or {}), after=dict(after or {}), reason=reason[:500], note=note,
    )  # fmt: skip


def _said(case: Case) -> dict[str, Any]:
    return {"state": case.state, "owner": case.owner.key, "person": case.person_id}


def _tell(case: Case) -> None:
    data = {
        "number": case.number, "type": case.type, "state": case.state, "ended": case.ended, "title": case.title,
        "due_at": case.due_at.isoformat(), "simulated": case.simulated,
    }  # fmt: skip
    payload = {"kind": "case", "dataset": case.type, "area": case.area_code, "data": data}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('chengyun_live', %s)", [json.dumps(payload)])


def _type(key: str) -> CaseType:
    city: City = settings.CITY
    if key not in city.cases:
        raise NotFound(_("没有案件类型 %s。") % key + nearest(key, city.cases))
    found: CaseType = city.cases[key]
    return found


def _state(declared: CaseType, key: str) -> State:
    return next(state for state in declared.states if state.key == key)


def steps_of(actor: Actor, case: Case) -> Sequence[Transition]:
    """Return the steps an actor may take where the case stands."""
    declared = _type(case.type)
    return [step for step in declared.transitions if step.source == case.state and may_step(actor, case, step, declared)]
