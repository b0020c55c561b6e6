# SPDX-License-Identifier: Apache-2.0
"""What happens to cases: opening, stepping, assigning, supervising. Nothing else writes them but replay.py, in sets.

Every deed locks the case's row, checks that the step begins where the case stands, and leaves an event, a stay and an audit
record in the same transaction. Who saw an older state is refused, so two people never take the same step.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.hints import meant
from chengyun.access.models import Account, Organisation
from chengyun.access.policy import require
from chengyun.cases import hooks
from chengyun.cases.course import Stay, advance, begin
from chengyun.cases.evidence import check_assignee, check_step
from chengyun.cases.hooks import Given
from chengyun.cases.models import Case, CaseAlert, CaseClock, CaseEvent, CaseStage
from chengyun.cases.office import local_day
from chengyun.cases.owners import find_owner, organisation
from chengyun.cases.prepared import fetch
from chengyun.cases.records import SKEW, event_of, news_of, note_limit, number_of, said, tell, work_of, write_event
from chengyun.cases.rights import DEPARTMENTS, acts_for_owner, may_step, steps_of, type_of, visible
from chengyun.cases.rows import lock_case, new_ids, write_opening, write_step
from chengyun.city import CaseType, City, Transition
from chengyun.config import config
from chengyun.errors import NotFound, Refused
from chengyun.operate import services as alerts
from chengyun.operate.models import Alert

__all__ = [
    "DEPARTMENTS", "assign", "categorise", "may_step", "open_case", "open_here", "steps_of", "supervise", "take_step", "visible",
]  # fmt: skip


class Opening(TypedDict, total=False):
    """What is known of a case when it is opened; see open_case."""

    category: str
    condition: str
    source: str
    emergency: bool
    description: str
    address: str
    lon: float | None
    lat: float | None
    area_code: str
    component_key: str
    priority: int
    alert: Alert | None
    lead: Case | None
    evidence: Mapping[str, Any] | None
    simulated: bool


def open_case(type_key: str, title: str, actor: Actor, now: dt.datetime, **given: Unpack[Opening]) -> Case:
    """Open a case with its owner, clocks and evidence, and return it.

    type_key: qualified key of a CaseType. category: code of the type's scheme, in the catalogue of the day.
    alert: the alert it answers; one that has a case already gives that case, and an open case of the same group takes it in.
    lead: the case this one is a part of (联合处置). Raises NotFound, Refused.
    """
    with transaction.atomic():
        return open_here(type_key, title, actor, now, **given)


def open_here(
    type_key: str,
    title: str,
    actor: Actor,
    now: dt.datetime,
    *,
    category: str = "",
    condition: str = "",
    source: str = "",
    emergency: bool = False,
    description: str = "",
    address: str = "",
    lon: float | None = None,
    lat: float | None = None,
    area_code: str = "",
    component_key: str = "",
    priority: int = 0,
    alert: Alert | None = None,
    lead: Case | None = None,
    evidence: Mapping[str, Any] | None = None,
    simulated: bool = False,
) -> Case:
    """Do as open_case, in the transaction the caller has open, to the last of it.

    Raises what open_case raises, and then nothing more may be done in that transaction.
    """
    declared = type_of(type_key)
    area = alert.area_code if alert else area_code
    require(actor, "case.open", area)
    if alert is not None:
        alert = Alert.objects.select_for_update().get(pk=alert.pk)
        known = _case_of(alert, type_key)
        if known is not None:
            _join(known, alert, actor, now)
            return known
    owner = find_owner(declared.owner, area)
    first = declared.state(declared.sub_task) if lead is not None and declared.sub_task else declared.states[0]
    year = local_day(now).year
    count, pk, stage_pk = new_ids(year)
    case = Case(
        pk=pk, number=number_of(year, count), type=type_key, state=first.key, title=title[:200], owner=owner.organisation,
        area_code=area, lon=lon, lat=lat, opened_at=now, due_at=now, lead=lead, condition=condition, emergency=emergency,
        simulated=alert.simulated if alert else simulated, department=None if first.body else owner.organisation,
        source=source or (Case.Source.ALERT if alert else Case.Source.WEB), description=description, address=address[:200],
        component_key=component_key, priority=priority,
        evidence={**(evidence or {}), **({"alert": alert.pk, **alert.evidence} if alert else {})},
    )  # fmt: skip
    categorise(case, category, now)
    clock = CaseClock(case=case)
    stay = begin(case, clock, declared, first, now)
    after = {"state": first.key, "owner": owner.organisation.key}
    event = event_of(case, "opened", actor, now, after=after)
    detail = {"type": type_key, "owner": owner.organisation.key}
    write_opening(case, stage_pk, clock, stay, event, actor, "case.open", detail, news_of(case))
    if not owner.known:
        note = _("没有找到 %(owner)s 在此区域的部门，由 %(centre)s 承接。") % {
            "owner": declared.owner,
            "centre": owner.organisation.name,
        }
        write_event(case, "owner_unknown", actor, now, after={"owner": owner.organisation.key}, note=note)
    if alert is not None:
        _join(case, alert, actor, now)
    for told in hooks.after_step:
        told(case, event)
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
    owner: Organisation | str | None = None,
    photos: Sequence[int] = (),
    lon: float | None = None,
    lat: float | None = None,
    until: dt.datetime | None = None,
    data: Mapping[str, Any] | None = None,
) -> Case:
    """Take a step of a case's type and return the case.

    case: the case or its number. seen: the state the person saw; None: the step's own source.
    assignee: a person of the organisation that owns the case afterwards. owner: the organisation the work goes to, or its key,
    where the step says so; without one, as the duty list has it. data: `category`, `condition`, `emergency` to set, `target`:
    number of the case it is merged into, `reason_code`, and whatever else the history shall keep.
    Raises NotFound, or Refused: a stale state, a role that may not, evidence that is missing, a guard that does not hold.
    """
    with transaction.atomic():
        held = _locked(case, actor)
        declared = type_of(held.type)
        step = _open_step(held, declared, transition, seen)
        if not may_step(actor, held, step, declared):
            raise Refused(_("您的岗位不能在此案件上“%s”。") % _(step.name), code="not_allowed", step=step.key)
        now = _in_order(held, now)
        body = _organisation(owner) if isinstance(owner, str) else owner
        given = Given(reason.strip(), note.strip(), assignee, body, tuple(photos), lon, lat, until, dict(data or {}))
        check_step(held, step, given, actor, now)
        before = said(held)
        stay = _apply(held, declared, step, given, actor, now)
        event = event_of(held, "step", actor, now, step.key, before, said(held), given)
        write_step(held, stay, event, actor, f"case.{step.key}", {"from": step.source, "to": step.to}, news_of(held))
        if held.ended and event.beside is not None and event.beside["alerts"]:
            _end_alerts(held, actor, now)
        for told in hooks.after_step:
            told(held, event)
    return held


def assign(case: Case | str, person: Account, actor: Actor, now: dt.datetime, note: str = "") -> Case:
    """Give a case to a person of the owning organisation. Raises NotFound or Refused."""
    with transaction.atomic():
        held = _locked(case, actor)
        require(actor, "case.assign", held.area_code)
        if not acts_for_owner(actor, held, frozenset({"duty_officer", "department_clerk", "dispatcher"})):
            raise Refused(_("这个案件由 %s 主办，只能由其人员分派。") % held.owner.name, code="not_allowed")
        if held.ended:
            raise Refused(_("案件已经结束，不能再分派。"), code="stale_case")
        check_assignee(held.owner, person, now)
        before = said(held)
        held.person = person
        held.save(update_fields=["person"])
        CaseStage.objects.filter(case=held, left_at=None).update(person=person)
        event = write_event(held, "assigned", actor, now, before=before, after=said(held), note=note.strip())
        audit.record(actor, "case.assign", "cases", held.number, detail={"person": person.pk})
        _announce(held, event)
    return held


def supervise(case: Case | str, actor: Actor, now: dt.datetime, note: str) -> Case:
    """Put a case under a leader's eyes (督办). Raises NotFound or Refused."""
    with transaction.atomic():
        held = _locked(case, actor)
        require(actor, "case.supervise", held.area_code)
        if held.ended:
            raise Refused(_("案件已经结束，不能再督办。"), code="stale_case")
        if not note.strip():
            raise Refused(_("请写明督办意见。"), code="evidence_missing", missing=["note"])
        held.supervised_at = held.supervised_at or now
        held.save(update_fields=["supervised_at"])
        event = write_event(held, "supervised", actor, now, before=said(held), after=said(held), note=note.strip())
        audit.record(actor, "case.supervise", "cases", held.number)
        _announce(held, event)
    return held


def _in_order(case: Case, now: dt.datetime) -> dt.datetime:
    """Return the time of a deed, never before the one it follows. Raises Refused when it is, by more than clocks differ."""
    if case.stage_since - now > SKEW:
        since = timezone.localtime(case.stage_since, config().zone)
        raise Refused(_("案件在 %s 已有更晚的办理记录。") % f"{since:%Y-%m-%d %H:%M:%S}", code="out_of_order")
    return max(now, case.stage_since)


def _open_step(case: Case, declared: CaseType, transition: str, seen: str | None) -> Transition:
    step = declared.step(transition)
    if step is None:
        known = [one.key for one in declared.transitions]
        raise Refused(_("案件没有“%s”这一步。") % transition + meant(transition, known), code="unknown_step")
    if case.state != step.source or (seen is not None and seen != case.state):
        raise Refused(
            _("案件已是“%(state)s”，不能“%(step)s”。可能已有人办理，请刷新后再看。")
            % {"state": _(declared.state(case.state).name), "step": _(step.name)},
            code="stale_case",
            state=case.state,
        )
    return step


def _apply(case: Case, declared: CaseType, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> Stay:
    """Change the case and its clock as the step says, in memory; return the stay it begins."""
    work, granted = work_of(case), case.clock.granted_s
    categorise(case, str(given.data.get("category", "")), now)
    case.condition = str(given.data.get("condition", case.condition))[:32]
    case.emergency = bool(given.data.get("emergency", case.emergency))
    if step.marks == "handled":
        case.handled_by_id = actor.account_id
    if step.merges:
        _merge(case, str(given.data["target"]))
    elif case.merged_into_id is not None:
        _part(case)
    _hand_over(case, declared, step, given, actor, now)
    asked = case.stage.until if case.stage else None
    stay = advance(
        case, case.clock, declared, step, now, reason=given.reason, until=given.until, asked_until=asked,
        other_work=work_of(case) != work,
    )  # fmt: skip
    note_limit(given, work_of(case) != work, granted, case.clock)
    return stay


def _hand_over(case: Case, declared: CaseType, step: Transition, given: Given, actor: Actor, now: dt.datetime) -> None:
    """Say whose the case is from now on: the department's, the centre's, or as before; and who of it is in charge."""
    target = declared.state(step.to)
    if step.charges:
        case.department = given.owner or _charged(case, now)
    before = case.owner_id
    if target.body == "department":
        if case.department is None:
            raise Refused(_("请指定责任部门。"), code="evidence_missing", missing=["owner"])
        case.owner = case.department
    elif target.body == "centre":
        case.owner = find_owner(declared.owner, case.area_code).organisation
    if given.assignee is not None:
        check_assignee(case.owner, given.assignee, now)
        case.person = given.assignee
    elif step.takes and actor.account_id is not None:
        case.person_id = actor.account_id
    elif case.owner_id != before:
        case.person_id = _last_in_charge(case) if target.body == "department" and not step.charges else None


def _charged(case: Case, now: dt.datetime) -> Organisation:
    day = local_day(now)
    for find in hooks.owner_finders:
        if (found := find(case, day)) is not None:
            return found.organisation
    raise Refused(_("权责清单没有这类案件的责任部门，请指定。"), code="evidence_missing", missing=["owner"])


def _last_in_charge(case: Case) -> int | None:
    found = fetch(LAST_IN_CHARGE, [case.pk, case.owner_id])
    return found[0][0] if found else None


LAST_IN_CHARGE = """
SELECT person_id FROM cases_casestage WHERE case_id = %s::bigint AND owner_id = %s::bigint AND person_id IS NOT NULL
ORDER BY id DESC LIMIT 1
"""


def categorise(case: Case, category: str, now: dt.datetime) -> None:
    """Give a case its category in the catalogue of the day. Raises Refused for a code the catalogue does not have."""
    if not category or category == case.category:
        return
    city: City = settings.CITY
    scheme = city.scheme(case.type)
    version = scheme.version_on(local_day(now)) if scheme else ""
    if scheme is not None and scheme.category(category, version) is None:
        hint = meant(category, scheme.catalogue(version))
        raise Refused(
            _("目录 %(version)s 没有类别 %(code)s。") % {"version": version, "code": category} + hint, code="category_unknown"
        )
    case.category, case.catalog_version = category, version


def _merge(case: Case, number: str) -> None:
    target = Case.objects.select_for_update(of=("self",)).filter(number=number).first()
    if target is None or target.type != case.type:
        raise NotFound(_("没有找到案件 %s。") % number)
    if target.pk == case.pk or target.merged_into_id is not None:
        raise Refused(_("案件 %s 不能作为并入的案件。") % number, code="target_refused")
    case.merged_into = target
    Case.objects.filter(pk=target.pk).update(report_count=F("report_count") + case.report_count)


def _part(case: Case) -> None:
    case.merged_into, former = None, case.merged_into_id
    if former is not None:
        Case.objects.filter(pk=former).update(report_count=F("report_count") - case.report_count)


def _organisation(key: str) -> Organisation:
    found = organisation(key)
    if found is None:
        raise Refused(_("没有部门 %s。") % key, code="owner_unknown")
    return found


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
    _row, made = CaseAlert.objects.get_or_create(alert=alert, defaults={"case": case, "joined_at": now})
    if made:
        alerts.case_opened(alert, case.number, actor, now)
        after = {"alert": alert.pk, "rule": alert.rule, "subject": alert.subject}
        write_event(case, "alert_joined", actor, now, after=after)


def _end_alerts(case: Case, actor: Actor, now: dt.datetime) -> None:
    for alert in Alert.objects.select_for_update().filter(case_alert__case=case).order_by("id"):
        alerts.case_ended(alert, case.number, actor, now)


def _locked(case: Case | str, actor: Actor) -> Case:
    number = case if isinstance(case, str) else case.number
    held = lock_case(number)
    if held is None or not visible(actor, held):
        raise NotFound(_("没有找到案件 %s。") % number)
    return held


def _announce(case: Case, event: CaseEvent) -> None:
    tell(case)
    for told in hooks.after_step:
        told(case, event)
