# SPDX-License-Identifier: Apache-2.0
"""What was done and what was read about persons: written once, chained by the database, never changed.

The chain is made when a transaction commits (migrations/audit_0001.sql); `verify` walks it with a hash of its own. Whose rows a
reading showed is part of it (access/subjects.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from chengyun.access import subjects as told
from chengyun.access.actors import Actor
from chengyun.access.models import AuditRecord
from chengyun.access.parts import Part

START = bytes(32)
PAGE = 5_000

WALK = """
SELECT l.number, l.record_id, l.hash, r.id IS NOT NULL,
       jsonb_build_array(r.id, (extract(epoch FROM r.at) * 1000000)::bigint, r.account_id, r.actor, r.organisation, r.action,
                         r.dataset, r.target, r.purpose, r.detail)::text, r.detail -> 'subjects'
FROM access_auditlink l LEFT JOIN access_auditrecord r ON r.id = l.record_id
WHERE l.number > %s ORDER BY l.number LIMIT %s
"""
"""The canonical text is built here, not by the database's own function: who changed that function must not pass."""

RECORD = """
INSERT INTO access_auditrecord (at, account_id, actor, organisation, action, dataset, target, purpose, detail)
VALUES (statement_timestamp(), %s::bigint, %s::text, %s::text, %s::text, %s::text, %s::text, %s::text, %s::jsonb)
"""
_PART = told.WITH.format(record=RECORD)

UNLINKED = """
SELECT r.id FROM access_auditrecord r LEFT JOIN access_auditlink l ON l.record_id = r.id
WHERE l.number IS NULL ORDER BY r.id LIMIT 1
"""

STRAY = """
SELECT s.record_id FROM access_auditsubject s LEFT JOIN access_auditlink l ON l.record_id = s.record_id
WHERE l.number IS NULL LIMIT 1
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
    *,
    subjects: Iterable[told.Subject] = (),
    fields: Sequence[str] = (),
) -> int:
    """Write down what an actor did, in the caller's transaction: what is rolled back was not done. Return the record's number.

    target: key of the thing. detail: what a person needs to understand it; no personal data, no secrets.
    subjects: whose rows were shown, each a dataset and a key; fields: which fields of them.
    """
    values, whole, ids = _said(actor, action, dataset, target, purpose, detail, subjects, fields)
    if ids and len(ids) <= told.BATCH:
        return told.write_with(RECORD, [*values.values(), _text(whole)], ids)
    with transaction.atomic() if ids else contextlib.nullcontext():
        made = AuditRecord.objects.create(**values, detail=whole)
        if ids:
            told.write(made.pk, ids)
    return int(made.pk)


def part(
    actor: Actor, action: str, dataset: str, purpose: str, detail: Mapping[str, object], subjects: Iterable[told.Subject],
    fields: Sequence[str],
) -> Part | None:  # fmt: skip
    """Return a record that is to be written with something else; None for one that shows nobody, or more than BATCH rows."""
    values, whole, ids = _said(actor, action, dataset, "", purpose, detail, subjects, fields)
    return Part(_PART, [*values.values(), _text(whole), told.listed(ids)]) if 0 < len(ids) <= told.BATCH else None


def _said(
    actor: Actor, action: str, dataset: str, target: str, purpose: str, detail: Mapping[str, object] | None,
    subjects: Iterable[told.Subject], fields: Sequence[str],
) -> tuple[dict[str, str | int | None], dict[str, object], list[uuid.UUID]]:  # fmt: skip
    """Return a record's columns, its detail, and the ids of whose rows were shown."""
    whole, ids = dict(detail or {}), told.ids_of(subjects)
    if fields:
        whole["fields"] = sorted(set(fields))
    if ids:
        whole["subjects"] = told.sealed(ids)
    values = {
        "account_id": actor.account_id, "actor": actor.name[:100], "organisation": actor.organisation or "", "action": action,
        "dataset": dataset, "target": str(target)[:200], "purpose": purpose,
    }  # fmt: skip
    return values, whole, ids


def _text(detail: Mapping[str, object]) -> str:
    return json.dumps(detail, cls=DjangoJSONEncoder, ensure_ascii=False)


def verify(known: Head | None = None) -> Head | Break:
    """Walk the whole chain; return its head, or the first break. known: a head noted earlier, which must still be in it."""
    number, previous, checked = 0, START, known is None or known.number == 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WALK, [number, PAGE])
            rows = cursor.fetchall()
        astray = _astray({row[1]: row[5] for row in rows if row[3]})
        for found, record_id, kept, exists, text, _ in rows:
            number += 1
            if found != number:
                return Break(number, None, f"Link {number} is missing; the next one is {found}.")
            if not exists:
                return Break(number, record_id, f"Record {record_id}, link {number}, is gone.")
            previous = hashlib.sha256(previous + text.encode()).digest()
            if bytes(kept) != previous:
                return Break(number, record_id, f"Record {record_id}, link {number}, is not what was written.")
            if record_id in astray:
                return Break(number, record_id, f"Whose rows record {record_id}, link {number}, showed is not what was written.")
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
        cursor.execute(STRAY)
        unbound = cursor.fetchone()
    if stray:
        return Break(None, stray[0], f"Record {stray[0]} has no link; it was slipped in while the triggers were off.")
    if unbound:
        return Break(None, unbound[0], f"A person was noted as shown by record {unbound[0]}, which is not there.")
    return Head(number, previous.hex())


def _astray(said: Mapping[int, str | None]) -> set[int]:
    """Return the records whose subjects are not those they say they have."""
    missing = {record for record, sealed in said.items() if sealed is not None}
    wrong = set()
    for first, last in _runs(sorted(said)):
        for record, ids in told.kept(first, last):
            if record not in said:
                continue  # of a later page: links are in the order of commits, records in that of their numbers
            missing.discard(record)
            if not told.holds(said[record], ids):
                wrong.add(record)
    return wrong | missing


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of numbers that lie close together: one record that committed late does not stretch the page."""
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] - numbers[at - 1] > PAGE:
            yield numbers[start], numbers[at - 1]
            start = at
