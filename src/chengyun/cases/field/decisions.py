# SPDX-License-Identifier: Apache-2.0
"""What could not be done as it stood, put to the person, and what they decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chengyun.access.actors import SYSTEM, Actor
from chengyun.cases.field import amending, deeds, operations, uploads
from chengyun.cases.field.models import Operation, PatrolTask, Twin
from chengyun.cases.field.outcome import Asked, Outcome, choice
from chengyun.cases.models import Case
from chengyun.cases.rights import steps_of, type_of
from chengyun.errors import Malformed, NotFound, Refused

__all__ = ["ask", "decide", "open_decisions"]

OPEN = (Operation.State.DECIDE, Operation.State.INVALID)


def ask(operation: Operation, refused: Refused, actor: Actor) -> Outcome:
    """Return the question a refusal becomes."""
    case = _case_of(operation, actor)
    choices = ["drop"]
    if case is not None and operation.kind in ("step", "note", "edit"):
        choices.insert(0, "note")
    if operation.kind == "report" or (case is not None and operation.kind == "step" and _possible(operation, case, actor)):
        choices.insert(0, "again")
    now: dict[str, Any] = {}
    if case is not None:
        last = case.events.order_by("-at", "-id").first()
        now = {
            "case": case.number, "state": case.state, "state_name": type_of(case.type).state(case.state).name,
            "by": last.actor if last else "", "at": last.at if last else None,
        }  # fmt: skip
    mine = {name: value for name, value in operation.data.items() if name not in ("photos", "points")}
    details = {"code": refused.code, "missing": refused.fields.get("missing", [])}
    return Outcome("decide", refused.sentence, case, details, Asked(dict(operation.base), now, mine, choices))


def decide(operation: Operation, data: operations.Decide, actor: Actor, now: dt.datetime) -> tuple[Outcome, Operation | None]:
    """Do what a person decided about an earlier operation of theirs; return what to tell of the decision and, when it has
    changed, that operation. Raises Refused when the decision itself is not possible."""
    target = Operation.objects.select_for_update().filter(pk=data.operation, account_id=operation.account_id).first()
    if target is None:
        raise NotFound(_("没有找到要定夺的内容。"))
    if data.choice in ("same", "different"):
        return _about_twins(target, data, actor, now), None
    if target.state not in OPEN:
        return Outcome("applied", _("这件事已经定夺过。"), target.case), None
    offered = target.result.get("asked", {}).get("choices", [])
    if data.choice not in offered:
        raise Refused(_("这里不能这样选择。"), code="choice")
    found = _carried_out(target, data, actor, now)
    return Outcome("applied", found.sentence, found.case), _settled(target, data.choice, found, now)


def open_decisions(account_id: int) -> list[dict[str, Any]]:
    """Return all a person is asked, oldest first."""
    asked = []
    for one in (
        Operation.objects.filter(account_id=account_id, state__in=OPEN).select_related("case").order_by("received_at", "id")
    ):
        told = one.result.get("asked", {})
        asked.append(
            {
                "operation": str(one.pk), "kind": one.kind, "case": one.case.number if one.case else "",
                "sentence": one.result.get("sentence", ""), "was": told.get("was", {}), "now": told.get("now", {}),
                "mine": told.get("mine", {}), "choices": [choice(key) for key in told.get("choices", ["drop"])],
                "since": one.received_at,
            }
        )  # fmt: skip
    twins = Twin.objects.filter(operation__account_id=account_id, said="", case__ended=False, other__ended=False)
    return asked + [_twin(twin) for twin in twins.select_related("case", "other", "operation").order_by("found_at", "id")]


def _twin(twin: Twin) -> dict[str, Any]:
    words = {"case": twin.case.number, "other": twin.other.number}
    return {
        "operation": str(twin.operation_id), "kind": "twin", "case": twin.case.number,
        "sentence": _("您上报的 %(case)s 与 %(other)s 可能是同一问题。") % words, "was": {}, "mine": {"title": twin.case.title},
        "now": {"case": twin.other.number, "title": twin.other.title, "score": twin.score, "reasons": twin.reasons},
        "choices": [choice("same"), choice("different")], "since": twin.found_at,
    }  # fmt: skip


def _carried_out(target: Operation, data: operations.Decide, actor: Actor, now: dt.datetime) -> Outcome:
    if data.choice == "drop":
        return Outcome("settled", _("不再办理，内容留存备查。"), target.case)
    if data.choice == "note":
        return _as_note(target, actor, now)
    if data.choice == "again":
        given = operations.read_data(target.kind, target.data | data.values)
        if target.kind == "step":
            case = amending.locked(deeds.number_of(given.case, target.account_id), actor)
            return deeds.step(target, given, case, actor, now, None)
        return deeds.do(target, given, actor, now)
    mine = target.result["asked"]["mine"]
    chosen = {name: value for name, value in mine.items() if data.values.get(name, data.choice) == "mine"}
    if target.kind == "task":
        task = PatrolTask.objects.select_for_update().get(pk=target.data["task"])
        for name, value in chosen.items():
            setattr(task, name, value)
        task.changed_at, task.changed_by = now, actor.name[:150]
        task.save()
        return Outcome("settled", _("任务已更新。"))
    case = amending.locked(deeds.number_of(target.data["case"], target.account_id), actor)
    if chosen:
        amending.amend(case, chosen, actor, now, deeds.came_with(target))
    return Outcome("settled", _("已保存。"), case)


def _as_note(target: Operation, actor: Actor, now: dt.datetime) -> Outcome:
    case = amending.locked(deeds.number_of(target.data["case"], target.account_id), actor)
    said = [str(target.data.get(name, "")).strip() for name in ("note", "reason", "text")]
    said += [f"{name}：{value}" for name, value in target.data.get("fields", {}).items()]
    photos = uploads.take(actor, case, target.data.get("photos", []), now)
    came = {**deeds.came_with(target), "transition": target.data.get("transition", "")}
    amending.note(case, "；".join(part for part in said if part), actor, now, came, photos)
    return Outcome("settled", _("已记入案件经过。"), case)


def _settled(target: Operation, key: str, found: Outcome, now: dt.datetime) -> Operation:
    target.state, target.settled_at = Operation.State.SETTLED, now
    target.case = found.case or target.case
    details: Mapping[str, Any] = {**found.details, "choice": key}
    target.result = {"sentence": found.sentence, "details": dict(details)}
    return target


def _about_twins(target: Operation, data: operations.Decide, actor: Actor, now: dt.datetime) -> Outcome:
    twins = Twin.objects.select_for_update().filter(operation=target, said="").select_related("case", "other")
    if data.values.get("case"):
        twins = twins.filter(other__number=data.values["case"])
    found = list(twins)
    if not found:
        return Outcome("applied", _("这件事已经定夺过。"), target.case)
    for twin in found:
        twin.said, twin.said_by, twin.said_at = data.choice, actor.name[:150], now
        twin.save(update_fields=["said", "said_by", "said_at"])
    if data.choice == "different":
        return Outcome("applied", _("两件分别办理。"), target.case)
    return _joined(found[0], actor, now)


def _joined(twin: Twin, actor: Actor, now: dt.datetime) -> Outcome:
    """Join the two where the case's own machine allows it still; else the dispatcher finds what the person said."""
    words = {"case": twin.case.number, "other": twin.other.number}
    declared = type_of(twin.case.type)
    step = next((it for it in declared.steps_from(twin.case.state) if it.merges), None)
    if step is None or twin.other.ended or twin.case.ended:
        return Outcome("applied", _("已记下 %(case)s 与 %(other)s 是同一问题，由派遣员处理。") % words, twin.case)
    from chengyun.cases import services  # the machine's own door; deeds uses it as well

    reason = _("%s 现场确认为同一问题") % actor.name
    services.take_step(twin.case, step.key, SYSTEM, now, reason=reason, data={"target": twin.other.number})
    return Outcome("applied", _("%(case)s 已并入 %(other)s。") % words, twin.case)


def _possible(operation: Operation, case: Case, actor: Actor) -> bool:
    return any(one.key == operation.data.get("transition") for one in steps_of(actor, case))


def _case_of(operation: Operation, actor: Actor) -> Case | None:
    name = operation.data.get("case")
    if not isinstance(name, str):
        return None
    try:
        return amending.locked(deeds.number_of(name, operation.account_id), actor)
    except (NotFound, Malformed):
        return None
