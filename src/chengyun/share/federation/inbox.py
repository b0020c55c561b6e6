# SPDX-License-Identifier: Apache-2.0
"""Messages in: each takes effect once, in the transaction that notes it; one that was overtaken is noted and takes none.

    taken     it took effect            known     it was here before; nothing happened
    late      a later step of the same subject took effect already
    refused   it cannot take effect; the reason is told, and it is not to be sent again

Order is by the sender's steps alone. What its clock says (`made_at`) is kept for people and decides nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from chengyun.errors import Malformed, Problem
from chengyun.share.federation import askings
from chengyun.share.federation.models import Neighbour, Taken

__all__ = ["Message", "take"]

MOST = 200
KINDS: Mapping[str, Callable[[Neighbour, str, int, Mapping[str, Any]], None]] = {
    "request": askings.requested,
    "decision": askings.decided,
    "returned": askings.returned,
    "revoked": askings.revoked,
    "ended": askings.ended,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came."""

    number: uuid.UUID
    kind: str
    subject: str
    step: int
    body: Mapping[str, Any]


def take(neighbour: Neighbour, value: Any) -> list[dict[str, str]]:
    """Take messages in the order they came; return what became of each. Raises Malformed for what is no list of messages."""
    if not isinstance(value, list) or len(value) > MOST:
        raise Malformed(f"messages is a list of at most {MOST}.", status=400)
    messages = [_read(one) for one in value]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCKED, [[f"federation {neighbour.pk} {one.subject}" for one in messages]])
        return [_take(neighbour, one) for one in messages]


_LOCKED = """
SELECT pg_advisory_xact_lock(at) FROM (
    SELECT DISTINCT hashtextextended(one, 0) AS at FROM unnest(%s::text[]) AS one ORDER BY at
) AS subjects
"""
"""The same message may come twice at once, over two connections; in order, so that they cannot lock each other out."""


def _take(neighbour: Neighbour, message: Message) -> dict[str, str]:
    told = {"id": str(message.number)}
    with transaction.atomic():
        known = Taken.objects.filter(neighbour=neighbour, number=message.number).first()
        if known is not None:
            return {**told, "outcome": "known" if known.outcome == "taken" else known.outcome, "reason": known.reason}
        outcome, reason = _effect(neighbour, message)
        Taken.objects.create(
            neighbour=neighbour, number=message.number, kind=message.kind, subject=message.subject, step=message.step,
            outcome=outcome, reason=reason[:300],
        )  # fmt: skip
    return {**told, "outcome": outcome, "reason": reason}


def _effect(neighbour: Neighbour, message: Message) -> tuple[str, str]:
    later = Taken.objects.filter(neighbour=neighbour, subject=message.subject, step__gte=message.step, outcome="taken")
    if later.exists():
        return "late", "A later step of the same subject took effect already."
    if message.kind not in KINDS:
        return "refused", f"Messages of the kind {message.kind!r} are not known here; known are {', '.join(KINDS)}."
    try:
        with transaction.atomic():
            KINDS[message.kind](neighbour, message.subject, message.step, message.body)
    except Problem as problem:
        return "refused", problem.sentence
    return "taken", ""


def _read(one: Any) -> Message:
    try:
        kind, subject = str(one["kind"])[:32], str(one["subject"])[:64]
        found = Message(uuid.UUID(one["id"]), kind, subject, int(one["step"]), dict(one["body"]))
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Malformed("A message has id (UUID), kind, subject, step (whole number) and body (object).", status=400) from wrong
    if not 1 <= found.step < 2**31:
        raise Malformed(f"step is {found.step}, expected 1 or more.", status=400)
    return found
