# SPDX-License-Identifier: Apache-2.0
"""Requests between nodes: asked on one side, answered on the other, known on both.

    waiting ──▶ granted ──▶ revoked          each arrow is one step, told by a message; a step never goes back
       └──────▶ refused

A grant is one of the provider's policy, to the organisation the neighbour is there. What the consumer knows of it is a copy; the
provider decides at every read, by its own clock.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import Actor
from chengyun.access.models import Grant
from chengyun.access.policy import require
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.federation import outbox
from chengyun.share.federation.models import Asking, Neighbour

__all__ = ["answer", "ask", "decided", "requested", "revoke", "revoked"]

WAYS = ("clear", "pseudonym", "masked")


def ask(
    actor: Actor, neighbour: Neighbour, dataset: str, purpose: str, *, basis: str, fields: Mapping[str, str],
    area_code: str = "", days: int = 365,
) -> Asking:  # fmt: skip
    """Ask a neighbour for rows of its; the request goes out with the next delivery."""
    require(actor, "federation.manage")
    with transaction.atomic():
        made = Asking.objects.create(
            number=uuid.uuid4(), neighbour=neighbour, ours=True, dataset=dataset, purpose=purpose, basis=basis,
            fields=dict(fields), area_code=area_code, days=days,
        )  # fmt: skip
        body = {
            "dataset": dataset, "purpose": purpose, "basis": basis, "fields": dict(fields), "area_code": area_code, "days": days,
        }  # fmt: skip
        outbox.say(neighbour, "request", str(made.number), 1, body)
        audit.record(actor, "federation.asked", dataset, str(made.number), detail={"neighbour": neighbour.name})
    return made


def answer(actor: Actor, asking: Asking, *, grant: bool, reason: str = "") -> Asking:
    """Grant or refuse what a neighbour asked for. Raises Refused for one that was answered already."""
    require(actor, "federation.manage")
    with transaction.atomic():
        held = Asking.objects.select_for_update().get(pk=asking.pk)
        if held.ours or held.state != Asking.State.WAITING:
            raise Refused(f"The request {held.number} is not waiting for an answer of ours.", code="state")
        if not grant and not reason:
            raise Refused("A refusal needs its reason.", code="reason")
        held.step, held.answered_at, held.reason = 2, timezone.now(), reason
        body: dict[str, Any] = {"granted": grant, "reason": reason}
        if grant:
            made = Grant.objects.create(
                dataset=held.dataset, organisation=held.neighbour.organisation, purpose=held.purpose, basis=held.basis,
                shown=held.fields, area_code=held.area_code, until=timezone.now() + dt.timedelta(days=held.days),
            )  # fmt: skip
            held.state, held.grant = Asking.State.GRANTED, made.number
            body |= {"grant": made.number, "days": held.days}
        else:
            held.state = Asking.State.REFUSED
        held.save()
        outbox.say(held.neighbour, "decision", str(held.number), 2, body)
        audit.record(actor, "federation.answered", held.dataset, str(held.number), detail=body)
    return held


def revoke(actor: Actor, asking: Asking, reason: str) -> Asking:
    """Take back what was granted to a neighbour. Reads end at once; the neighbour is told why."""
    require(actor, "federation.manage")
    if not reason:
        raise Refused("A revocation needs its reason.", code="reason")
    with transaction.atomic():
        held = Asking.objects.select_for_update().get(pk=asking.pk)
        if held.ours or held.state != Asking.State.GRANTED:
            raise Refused(f"The request {held.number} is not granted by us.", code="state")
        Grant.objects.filter(number=held.grant).update(revoked_at=timezone.now(), revoke_reason=reason[:300])
        held.state, held.step, held.reason = Asking.State.REVOKED, 3, reason[:300]
        held.save()
        outbox.say(held.neighbour, "revoked", str(held.number), 3, {"reason": reason})
        audit.record(actor, "federation.revoked", held.dataset, str(held.number), detail={"reason": reason})
    return held


def requested(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour asks. Raises Refused for what can never be granted."""
    book = rulebook()
    dataset, purpose, fields = str(body.get("dataset", "")), str(body.get("purpose", "")), body.get("fields")
    facts = book.datasets.get(dataset)
    if facts is None or facts.kind == "kernel" or facts.sharing == "none":
        raise Refused(f"There is no dataset {dataset[:128]!r} that is shared with other nodes.", code="dataset")
    if purpose not in book.purposes:
        raise Refused(f"The purpose {purpose[:40]!r} is not listed here.{nearest(purpose, book.purposes)}", code="purpose")
    if not isinstance(fields, dict) or not all(isinstance(name, str) and way in WAYS for name, way in fields.items()):
        raise Refused(f"fields is an object of field → {', '.join(WAYS)}.", code="fields")
    days, area = body.get("days", 365), str(body.get("area_code", ""))
    if type(days) is not int or not 1 <= days <= 3660:
        raise Refused("days is a whole number from 1 to 3660.", code="days")
    if not (area == "" or (area.isascii() and area.isdigit() and len(area) <= 15)):
        raise Refused(f"area_code is {area[:40]!r}, expected at most 15 digits.", code="area")
    Asking.objects.create(
        number=_number(subject), neighbour=neighbour, ours=False, dataset=dataset, purpose=purpose, fields=fields,
        basis=str(body.get("basis", ""))[:300], area_code=area, days=days, step=step,
    )  # fmt: skip


def decided(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour answers a request of ours."""
    held = _ours(neighbour, subject)
    granted = body.get("granted") is True
    held.state = Asking.State.GRANTED if granted else Asking.State.REFUSED
    held.grant, held.reason = str(body.get("grant", ""))[:16], str(body.get("reason", ""))[:300]
    held.step, held.answered_at = step, timezone.now()
    held.save()


def revoked(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour takes back what it granted us. It may overtake the decision, which then comes late."""
    held = _ours(neighbour, subject)
    held.state, held.step, held.reason = Asking.State.REVOKED, step, str(body.get("reason", ""))[:300]
    held.save()


def _ours(neighbour: Neighbour, subject: str) -> Asking:
    held = Asking.objects.select_for_update().filter(number=_number(subject), neighbour=neighbour, ours=True).first()
    if held is None:
        raise NotFound(f"There is no request {subject[:64]!r} of ours to you.")
    return held


def _number(subject: str) -> uuid.UUID:
    try:
        return uuid.UUID(subject)
    except ValueError:
        raise Refused("The subject of a request is its number, a UUID.", code="subject") from None
