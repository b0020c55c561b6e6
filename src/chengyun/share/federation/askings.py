# SPDX-License-Identifier: Apache-2.0
"""Requests between nodes: asked on one side, answered on the other, known on both.

    waiting ──▶ granted ──▶ revoked, ended       each arrow is one step, told by a message; a step never goes back
     │   ▲ └──▶ refused
     ▼   │
    returned                                     to be completed by who asked

What a neighbour asks is a request like every department's (share.requests): the same clock of working days, the same steward and
second person, the same page. What the consumer knows of it is a copy; the provider decides at every read, by its own clock.
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
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.access.rulebook import rulebook
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.federation import outbox
from chengyun.share.federation.models import Asking, Neighbour
from chengyun.share.requests import services
from chengyun.share.requests.models import Request
from chengyun.share.requests.office import today
from chengyun.share.requests.terms import Terms

__all__ = ["ask", "complete", "decided", "ended", "not_taken", "requested", "returned", "revoked", "settled"]

WAYS = ("clear", "pseudonym", "masked")
State = Asking.State


def ask(
    actor: Actor, neighbour: Neighbour, dataset: str, purpose: str, *, basis: str, fields: Mapping[str, str],
    area_code: str = "", days: int = 365,
) -> Asking:  # fmt: skip
    """Ask a neighbour for rows of its; the request goes out with the next delivery. Raises Refused without a basis."""
    require(actor, "federation.manage")
    if not basis.strip():
        raise Refused("basis is empty, expected the law, regulation or duty the request rests on.", code="basis_missing")
    with transaction.atomic():
        made = Asking.objects.create(
            number=uuid.uuid4(), neighbour=neighbour, ours=True, dataset=dataset, purpose=purpose, basis=basis.strip()[:300],
            fields=dict(fields), area_code=area_code, days=days,
        )  # fmt: skip
        _say_request(made)
        audit.record(actor, "federation.asked", dataset, str(made.number), detail={"neighbour": neighbour.name})
    return made


def complete(actor: Actor, asking: Asking, **changed: Any) -> Asking:
    """Send a request that was returned again, with what was missing. changed: purpose, basis, fields, area_code, days."""
    require(actor, "federation.manage")
    with transaction.atomic():
        held = Asking.objects.select_for_update().get(pk=asking.pk)
        if not held.ours or held.state != State.RETURNED:
            raise Refused(f"The request {held.number} was not returned to us.", code="state")
        for name in {"purpose", "basis", "fields", "area_code", "days"} & changed.keys():
            setattr(held, name, changed[name])
        held.state, held.step, held.reason = State.WAITING, held.step + 1, ""
        held.save()
        _say_request(held)
        audit.record(actor, "federation.completed", held.dataset, str(held.number), detail={"changed": sorted(changed)})
    return held


def not_taken(neighbour: Neighbour, subject: str, reason: str) -> None:
    """Note that a neighbour would not even take a request of ours."""
    Asking.objects.filter(neighbour=neighbour, number=subject, ours=True, state=State.WAITING).update(
        state=State.REFUSED, reason=reason[:300], answered_at=timezone.now()
    )


def settled(request: Request) -> None:
    """Tell the neighbour that asked what became of its request. Runs in the transaction of the deed; other requests are not ours
    to tell of."""
    held = Asking.objects.select_for_update().filter(request=request, ours=False).select_related("neighbour").first()
    kind = SAID.get(Request.State(request.state))
    if held is None or kind is None:
        return
    held.state, held.step, held.reason, held.answered_at = kind[1], held.step + 1, request.answer[:300], timezone.now()
    body: dict[str, Any] = {"reason": held.reason}
    if kind[0] == "decision":
        body["granted"] = request.state == Request.State.APPROVED
        if request.grant is not None and body["granted"]:
            until = request.grant.until
            held.grant, held.fields = request.grant.number, dict(request.grant.shown or held.fields)
            body |= {"grant": held.grant, "fields": held.fields, "until": until.isoformat() if until else None}
    held.save()
    outbox.say(held.neighbour, kind[0], str(held.number), held.step, body)


SAID = {
    Request.State.APPROVED: ("decision", State.GRANTED),
    Request.State.REFUSED: ("decision", State.REFUSED),
    Request.State.RETURNED: ("returned", State.RETURNED),
    Request.State.REVOKED: ("revoked", State.REVOKED),
    Request.State.EXPIRED: ("ended", State.ENDED),
}


def requested(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour asks, or completes what was returned to it. Raises Refused for what can never be granted."""
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
    said = {
        "dataset": dataset, "purpose": purpose, "fields": fields, "area_code": area, "days": days,
        "basis": str(body.get("basis", ""))[:300],
    }  # fmt: skip
    held = Asking.objects.select_for_update().filter(number=_number(subject)).first()
    if held is None:
        held = Asking(number=_number(subject), neighbour=neighbour, ours=False)
    elif held.ours or held.neighbour_id != neighbour.pk or held.state != State.RETURNED:
        raise Refused("A request is sent anew only after it was returned.", code="state")
    for name, value in {**said, "step": step, "state": State.WAITING, "reason": ""}.items():
        setattr(held, name, value)
    held.save()
    asked = services.Asked(
        dataset=dataset, basis=held.basis, note=str(body.get("note", ""))[:2000],
        terms=Terms(shown=fields, area_code=area, purpose=purpose, ends=today() + dt.timedelta(days=days)),
    )  # fmt: skip
    if held.request is None:
        # Known before it is filed: what is shared without condition is answered at once.
        held.request = services.file_for(neighbour.organisation, _applicant(neighbour), asked)
        Asking.objects.filter(pk=held.pk).update(request=held.request)
        settled(held.request)
    else:
        services.file_for(neighbour.organisation, _applicant(neighbour), asked, held.request.number)


def decided(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour answers a request of ours. It may grant less than was asked: fields is what it gives."""
    held = _ours(neighbour, subject)
    granted = body.get("granted") is True
    held.state, held.grant = State.GRANTED if granted else State.REFUSED, str(body.get("grant", ""))[:16]
    given = body.get("fields")
    if granted and isinstance(given, dict) and all(isinstance(one, str) and way in WAYS for one, way in given.items()):
        held.fields = given
    _note(held, step, body)


def returned(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour wants a request of ours completed."""
    held = _ours(neighbour, subject)
    held.state = State.RETURNED
    _note(held, step, body)


def revoked(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """A neighbour takes back what it granted us. It may overtake the decision, which then comes late."""
    held = _ours(neighbour, subject)
    held.state = State.REVOKED
    _note(held, step, body)


def ended(neighbour: Neighbour, subject: str, step: int, body: Mapping[str, Any]) -> None:
    """What a neighbour granted us has run out."""
    held = _ours(neighbour, subject)
    held.state = State.ENDED
    _note(held, step, body)


def _say_request(asking: Asking) -> None:
    body = {
        "dataset": asking.dataset, "purpose": asking.purpose, "basis": asking.basis, "fields": asking.fields,
        "area_code": asking.area_code, "days": asking.days,
    }  # fmt: skip
    outbox.say(asking.neighbour, "request", str(asking.number), asking.step, body)


def _note(held: Asking, step: int, body: Mapping[str, Any]) -> None:
    held.step, held.reason, held.answered_at = step, str(body.get("reason", ""))[:300], timezone.now()
    held.save()


def _applicant(neighbour: Neighbour) -> Account:
    """Return the account that stands for a neighbour's people. Nobody can sign in with it."""
    made, new = Account.objects.get_or_create(
        username=neighbour.organisation.key[:64],
        defaults={"name": str(neighbour)[:100], "organisation": neighbour.organisation, "is_active": False},
    )
    if new:
        made.set_unusable_password()
        made.save()
    return made


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
