# SPDX-License-Identifier: Apache-2.0
"""Messages out: written in the transaction of what they tell, sent until they are taken, in their order for each neighbour.

A neighbour that is away is asked again after 5 s, 10 s, … at most a quarter of an hour; nothing is ever given up by itself.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengyun.errors import Problem
from chengyun.share.exchange.client import Client
from chengyun.share.federation import neighbours
from chengyun.share.federation.models import Neighbour, Sent
from chengyun.share.ledger.heads import stamp

__all__ = ["deliver", "deliver_all", "say"]

BATCH = 50
refused: dict[str, list[Callable[[Neighbour, str, str], None]]] = {}
"""Who wants to know that a message of a kind was refused: (neighbour, subject, reason). Each registers in ready()."""
FIRST_RETRY_S, LONGEST_RETRY_S = 5, 900


def say(neighbour: Neighbour, kind: str, subject: str, step: int, body: Mapping[str, Any]) -> Sent:
    """Put a message into the outbox, in the caller's transaction."""
    return Sent.objects.create(
        number=uuid.uuid4(), neighbour=neighbour, kind=kind, subject=subject, step=step, body=dict(body)
    )  # fmt: skip


def deliver_all() -> int:
    """Send what is due to every neighbour; return how many messages were taken."""
    taken = 0
    for one in Neighbour.objects.filter(active=True):
        taken += deliver(one)
    return taken


def deliver(neighbour: Neighbour, client: Client | None = None) -> int:
    """Send what is due to one neighbour; return how many messages were taken.

    Each batch is locked while it is sent, so two processes do not send the same; a repetition would be known all the same.
    """
    own = client or neighbours.client_of(neighbour)
    taken = 0
    try:
        while True:
            with transaction.atomic():
                waiting = list(
                    Sent.objects.select_for_update(skip_locked=True)
                    .filter(neighbour=neighbour, taken_at=None, retry_at__lte=timezone.now())
                    .order_by("id")[:BATCH]
                )
                if not waiting or not _send(neighbour, own, waiting):
                    return taken
                taken += len(waiting)
    finally:
        if client is None:
            own.close()


def _send(neighbour: Neighbour, client: Client, waiting: list[Sent]) -> bool:
    now = timezone.now()
    try:
        told = client.post("/messages", {"messages": [_written(one) for one in waiting]}).json()
        results = {one["id"]: (str(one["outcome"])[:16], str(one.get("reason", ""))[:300]) for one in told["results"]}
    except (Problem, ValueError, KeyError, TypeError, AttributeError) as wrong:
        why = wrong.sentence if isinstance(wrong, Problem) else f"The answer cannot be read: {type(wrong).__name__}."
        for one in waiting:
            one.attempts += 1
            one.reason = why[:300]
            one.retry_at = now + backing_off(one.attempts)
        Sent.objects.bulk_update(waiting, ["attempts", "reason", "retry_at"])
        neighbours.failed(neighbour, why, now)
        return False
    for one in waiting:
        found = results.get(str(one.number))
        one.attempts += 1
        if found is None:
            one.retry_at, one.reason = now + backing_off(one.attempts), "The neighbour did not say what became of it."
            continue
        one.taken_at, (one.outcome, one.reason) = now, found
        if one.outcome == "refused":
            for tell in refused.get(one.kind, ()):
                tell(neighbour, one.subject, one.reason)
    Sent.objects.bulk_update(waiting, ["attempts", "reason", "retry_at", "taken_at", "outcome"])
    neighbours.answered(neighbour)
    return all(one.taken_at for one in waiting)


def backing_off(attempts: int) -> dt.timedelta:
    """Return how long to wait after so many attempts."""
    return dt.timedelta(seconds=min(FIRST_RETRY_S * 2 ** min(attempts - 1, 20), LONGEST_RETRY_S))


def _written(one: Sent) -> dict[str, Any]:
    return {
        "id": str(one.number), "kind": one.kind, "subject": one.subject, "step": one.step, "made_at": stamp(one.made_at),
        "body": one.body,
    }  # fmt: skip
