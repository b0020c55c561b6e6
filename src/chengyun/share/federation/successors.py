# SPDX-License-Identifier: Apache-2.0
"""Neighbours' keys that come after those somebody pinned: taken by the old one's word, kept beside it for a week, recorded."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.access.successions import Step, believed, taken
from chengyun.collect.pull import outside
from chengyun.errors import Problem
from chengyun.share.exchange import parties
from chengyun.share.exchange.client import published
from chengyun.share.exchange.models import Party
from chengyun.share.federation.models import Neighbour

__all__ = ["follow", "follow_all"]

WITHIN_S = 10.0


def follow_all() -> int:
    """Ask every neighbour which keys came after those that are pinned; return for how many something changed."""
    changed = 0
    for one in Neighbour.objects.filter(active=True):
        try:
            with outside.client(WITHIN_S, WITHIN_S) as http:
                told = published(http, f"{one.address}/keys")
        except Problem:
            told = {}  # that it is away is noted where something is asked of it; what is over is over
        changed += follow(one, told) != one.keys
    return changed


def follow(neighbour: Neighbour, told: Any, now: dt.datetime | None = None) -> dict[str, dict[str, Any]]:
    """Take the keys that a neighbour's pinned ones name; return what is pinned now.

    told: what its /keys tells, which nobody vouches for. Each step is in the audit log. Not taken is what leads from or to a key
    that was ended here, or to one that speaks for another. A key that was succeeded is let go once its time is over.
    """
    at = now or timezone.now()
    with transaction.atomic():
        held = Neighbour.objects.select_for_update().select_related("organisation").get(pk=neighbour.pk)
        keys, steps = taken(
            held.keys, told.get("successions") if isinstance(told, dict) else None, at, lambda it: _bars(held, it)
        )
        kept = {name: keys[name] for name in believed(keys, at)}
        for step in steps:
            _record(held, step, keys)
        for gone in held.keys.keys() - kept.keys():
            if Party.objects.filter(key_id=gone, organisation=held.organisation, revoked_at=None).exists():
                parties.end(SYSTEM, gone)
        if kept != held.keys:
            held.keys = kept
            held.save(update_fields=["keys"])
    return kept


def _bars(held: Neighbour, step: Step) -> bool:
    """Say whether a step leads from or to a key whose word is not taken here, or to one that speaks for somebody else."""
    if step.key is None:
        return False
    ended = Party.objects.filter(key_id=step.of).exclude(revoked_at=None)
    other = Party.objects.filter(key_id=step.key["kid"]).exclude(organisation=held.organisation, revoked_at=None)
    return ended.exists() or other.exists()


def _record(held: Neighbour, step: Step, keys: dict[str, dict[str, Any]]) -> None:
    if step.key is None:
        audit.record(SYSTEM, "federation.key_lost", "", held.name, detail={"key": step.of})
        return
    after = step.key["kid"]
    if not Party.objects.filter(key_id=after).exists():
        parties.register(SYSTEM, step.key, held.title, held.organisation)
    until = keys[step.of]["until"] if step.of in keys else None
    audit.record(SYSTEM, "federation.succeeded", "", held.name, detail={"key": step.of, "successor": after, "until": until})
