# SPDX-License-Identifier: Apache-2.0
"""What was done and what was read about persons: written once, chained by the database, never changed.

The chain is made when a transaction commits (migrations/audit_0001.sql); `verify` walks it with a hash of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from chengyun.access.actors import Actor
from chengyun.access.models import AuditRecord

START = bytes(32)
PAGE = 5_000

WALK = """
SELECT l.number, l.record_id, l.hash, r.id IS NOT NULL,
       jsonb_build_array(r.id, (extract(epoch FROM r.at) * 1000000)::bigint, r.account_id, r.actor, r.organisation, r.action,
                         r.dataset, r.target, r.purpose, r.detail)::text
FROM access_auditlink l LEFT JOIN access_auditrecord r ON r.id = l.record_id
WHERE l.number > %s ORDER BY l.number LIMIT %s
"""
"""The canonical text is built here, not by the database's own function: who changed that function must not pass."""

UNLINKED = """
SELECT r.id FROM access_auditrecord r LEFT JOIN access_auditlink l ON l.record_id = r.id
WHERE l.number IS NULL ORDER BY r.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: how many links, and the last hash in hex. Kept elsewhere, it proves later that none was cut off."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the log is not what was written. record: the record's number, None when it is gone."""

    number: int | None
    record: int | None
    sentence: str


def record(
    actor: Actor,
    action: str,
    dataset: str,
    target: str = "",
    purpose: str = "",
    detail: Mapping[str, object] | None = None,
) -> None:
    """Write down what an actor did, in the caller's transaction: what is rolled back was not done.

    target: key of the thing. detail: what a person needs to understand it; no personal data, no secrets.
    """
    AuditRecord.objects.create(
        account_id=actor.account_id,
        actor=actor.name[:100],
        organisation=actor.organisation or "",
        action=action,
        dataset=dataset,
        target=str(target)[:200],
        purpose=purpose,
        detail=dict(detail or {}),
    )


def verify(known: Head | None = None) -> Head | Break:
    """Walk the whole chain; return its head, or the first break. known: a head noted earlier, which must still be in it."""
    number, previous, checked = 0, START, known is None or known.number == 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WALK, [number, PAGE])
            rows = cursor.fetchall()
        for found, record_id, kept, exists, text in rows:
            number += 1
            if found != number:
                return Break(number, None, f"Link {number} is missing; the next one is {found}.")
            if not exists:
                return Break(number, record_id, f"Record {record_id}, link {number}, is gone.")
            previous = hashlib.sha256(previous + text.encode()).digest()
            if bytes(kept) != previous:
                return Break(number, record_id, f"Record {record_id}, link {number}, is not what was written.")
            if known is not None and number == known.number:
                checked = previous.hex() == known.hash
                if not checked:
                    return Break(number, record_id, f"Link {number} had the hash {known.hash}; the chain was written anew.")
        if len(rows) < PAGE:
            break
    if not checked and known is not None:
        return Break(number, None, f"The chain ends at link {number}; it once reached {known.number}. Its end was cut off.")
    with connection.cursor() as cursor:
        cursor.execute(UNLINKED)
        stray = cursor.fetchone()
    if stray:
        return Break(None, stray[0], f"Record {stray[0]} has no link; it was slipped in while the triggers were off.")
    return Head(number, previous.hex())
