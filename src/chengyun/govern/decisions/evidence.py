# SPDX-License-Identifier: Apache-2.0
"""What a decision rests on: adding it, and showing it to whoever may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.policy import require, scope
from chengyun.cases.queries import case_view
from chengyun.errors import NotFound, Refused
from chengyun.govern.decisions.models import Decision, Evidence
from chengyun.govern.decisions.services import get_for
from chengyun.govern.whatif.models import Run
from chengyun.operate.queries import alert_view, get_figure

__all__ = ["Shown", "add", "concerning", "shown"]

Kind = Evidence.Kind
MOST = 200


@dataclass(frozen=True)
class Shown:
    """Evidence as a reader may see it. name: "" for what this reader may not open. as_of: what it said when it was added."""

    kind: str
    reference: str
    name: str
    note: str
    as_of: dict[str, Any]
    at: Any


def add(pk: int, kind: str, reference: str, note: str, actor: Actor) -> Evidence:
    """Add evidence that the actor can see, as of now; in every state, for things come to light later. Raises Refused."""
    reference = reference.strip().lstrip("#")
    if kind not in Kind.values or not reference:
        raise Refused(_("请选择类别并填写编号或名称。"), code="reference")
    held = get_for(pk, actor)
    require(actor, "decision.write", held.area_code)
    try:
        _name, as_of = _look(kind, reference, actor)
    except NotFound as absent:
        raise Refused(_("没有找到：%s。") % reference, code="reference") from absent
    with transaction.atomic():
        if held.evidence.count() >= MOST:
            raise Refused(_("依据至多 %d 条。") % MOST, code="most")
        made, new = Evidence.objects.get_or_create(
            decision=held, kind=kind, reference=reference[:300],
            defaults={"note": note.strip()[:300], "as_of": as_of, "account_id": actor.account_id},
        )  # fmt: skip
        if not new:
            raise Refused(_("这条依据已经在列。"), code="twice")
        audit.record(actor, "decision.evidence", "decisions", str(pk), detail={"kind": kind, "reference": reference[:100]})
    return made


def shown(held: Decision, actor: Actor) -> tuple[Shown, ...]:
    """Return a decision's evidence; what the actor may not see keeps its kind and number alone."""
    found = []
    for one in held.evidence.all():
        try:
            name, _as_of = _look(one.kind, one.reference, actor)
        except NotFound:
            found.append(Shown(one.kind, one.reference, "", "", {}, one.at))
            continue
        found.append(Shown(one.kind, one.reference, name, one.note, one.as_of, one.at))
    return tuple(found)


def concerning(kind: str, reference: str, actor: Actor) -> list[Decision]:
    """Return the decisions that rest on something, as far as the actor may read them."""
    allowed = scope(actor, "decisions")
    if not allowed.allowed:
        return []
    of = Evidence.objects.filter(kind=kind, reference=reference).values("decision")
    return list(Decision.objects.filter(allowed.q(), pk__in=of)[:20])


def _look(kind: str, reference: str, actor: Actor) -> tuple[str, dict[str, Any]]:
    """Return what the thing is called and what it says now. Raises NotFound for what is not there, or not for this person."""
    now = timezone.now().isoformat()
    if kind == Kind.DOCUMENT:
        return reference, {"at": now}
    if kind == Kind.CASE:
        case = case_view(reference, actor)
        return case.title, {"at": now, "state": str(case.state_name)}
    if not (reference.isascii() and reference.isdigit() and len(reference) < 19):
        raise NotFound(_("没有找到。"))
    number = int(reference)
    if kind == Kind.ALERT:
        alert = alert_view(number, actor)
        return f"{alert.subject_name}：{_(alert.rule_name)}", {"at": now, "state": alert.state, "value": alert.value}
    if kind == Kind.FIGURE:
        figure = get_figure(number, actor)
        start = figure.period_start.isoformat() if figure.period_start else ""
        return (
            f"{figure.subject_name} {_(figure.name)}",
            {"at": now, "value": figure.value, "unit": figure.unit, "period": start, "version": figure.version},
        )
    run = Run.objects.filter(pk=number).first() if scope(actor, "whatif").allowed else None
    if run is None:
        raise NotFound(_("没有找到。"))
    return run.title, {"at": now, "model": run.model, "version": run.version, "state": run.state}
