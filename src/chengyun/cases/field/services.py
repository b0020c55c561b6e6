# SPDX-License-Identifier: Apache-2.0
"""A device and the city tell each other what happened.

    read the clock ─ keep every operation      one transaction: from here on nothing is lost
    settle, one by one, in the order of the deeds, what is ready; what must wait waits here, not on the device
    answer: results, questions, what changed since the cursor

Operations are known by their ids, whichever device of the person sends them, however often. Syncs of one person take turns.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.access.policy import require
from chengyun.cases.field import changes, clock, coverage, decisions, deeds, operations, uploads
from chengyun.cases.field.models import ClockSample, Cursor, Device, Operation, PatrolTask
from chengyun.cases.field.operations import Sent, Sync
from chengyun.cases.field.outcome import Outcome
from chengyun.errors import Malformed, Refused

__all__ = ["assign_task", "sync"]

PENDING = (Operation.State.RECEIVED, Operation.State.WAITING)
FINAL = (Operation.State.APPLIED, Operation.State.MERGED, Operation.State.SETTLED)
MOST_SAMPLES = 200
CURSORS_KEPT = 8
"""Answers that may be lost one after the other before a device is told everything again."""


def sync(device: Device, actor: Actor, asked: Sync, now: dt.datetime) -> dict[str, Any]:
    """Take what a device sends and return what it is told. Everything in the answer is committed."""
    with transaction.atomic():
        _take_turns(device)
        sample = _read_clock(device, asked, now)
        _keep(device, asked.operations, now)
    settle(device, actor, now)
    with transaction.atomic():
        _take_turns(device)
        former = Cursor.objects.filter(device=device, name=asked.cursor).first() if asked.cursor else None
        told = changes.since(actor, former.manifest if former else None, now)
        revision = _revision(device)
        cursor = Cursor.objects.create(
            device=device, name=secrets.token_hex(8), made_at=now, revision=revision, manifest=told.manifest
        )
        Cursor.objects.filter(device=device).exclude(
            pk__in=list(Cursor.objects.filter(device=device).order_by("-id").values_list("pk", flat=True)[:CURSORS_KEPT])
        ).delete()
        return {
            "server_received": now,
            "clock": {
                "offset_ms": sample.offset_ms, "uncertainty_ms": sample.uncertainty_ms,
                "warn": abs(sample.offset_ms) > clock.WARN_MS,
            },
            "results": _results(device, [one.id for one in asked.operations], former.revision if former else None),
            "decisions": decisions.open_decisions(device.account_id),
            "changes": told.as_json(reset=former is None),
            "setup": changes.setup(actor, asked.setup, now),
            "cursor": cursor.name,
        }  # fmt: skip


def settle(device: Device, actor: Actor, now: dt.datetime) -> None:
    """Do everything of a person that is ready, until nothing more becomes ready."""
    moved = True
    while moved:
        moved = False
        pending = Operation.objects.filter(account_id=device.account_id, state__in=PENDING).order_by("done_at", "id")
        # Tracks last: whether a point is of a duty is known when its beginning and its end are.
        turn = sorted(pending.values_list("pk", "kind"), key=lambda row: row[1] == "track")
        for pk, _kind in turn:
            with transaction.atomic():
                _take_turns(device)
                held = Operation.objects.select_for_update(of=("self",)).select_related("device").get(pk=pk)
                if held.state in PENDING:
                    moved |= _settle_one(held, actor, now)


def assign_task(
    actor: Actor, account: Account, title: str, area_code: str, begins_at: dt.datetime, until: dt.datetime, now: dt.datetime,
    *, kind: str = "patrol", note: str = "", shape: Any = None, wanted_share: float = 0.8,
) -> PatrolTask:  # fmt: skip
    """Give a person a task. shape: shapely polygon to be walked, WGS-84; None: nothing is covered. Raises Refused."""
    require(actor, "field.assign", area_code)
    if until <= begins_at:
        raise Refused(_("截止要晚于开始。"), code="until")
    cells = coverage.cells_of(shape) if shape is not None else None
    kept = None
    if cells is not None:
        kept = {
            "size_m": cells.size_m, "west": cells.west, "south": cells.south, "nx": cells.columns, "ny": cells.rows,
            "wanted": sorted(map(list, cells.wanted)),
        }  # fmt: skip
    return PatrolTask.objects.create(
        title=title.strip()[:120], kind=kind, account=account, area_code=area_code, note=note, begins_at=begins_at, until=until,
        cells=kept, wanted_share=wanted_share, changed_at=now, changed_by=actor.name[:150], made_by_id=actor.account_id,
    )  # fmt: skip


def _settle_one(operation: Operation, actor: Actor, now: dt.datetime) -> bool:
    """Settle one operation if its turn has come; return whether it no longer waits."""
    try:
        data = operations.read_data(operation.kind, operation.data)
    except Malformed as wrong:
        _write(operation, Outcome("invalid", wrong.sentence, details={"where": wrong.fields.get("where", "")}), now)
        return True
    if waits := _waits_for(operation, data):
        if operation.state != Operation.State.WAITING or operation.result.get("details") != waits:
            words = _("照片还没有传完。") if "photos" in waits else _("等前面的操作先办完。")
            _write(operation, Outcome("waiting", words, details=waits), now)
        return False
    changed: Operation | None = None
    try:
        with transaction.atomic():
            if operation.kind == "decide":
                outcome, changed = decisions.decide(operation, data, actor, now)
            else:
                outcome = deeds.do(operation, data, actor, now)
    except Malformed as wrong:
        outcome = Outcome("invalid", wrong.sentence, details={"where": wrong.fields.get("where", "")})
    except Refused as refused:
        outcome = Outcome("settled", refused.sentence) if operation.kind == "decide" else decisions.ask(operation, refused, actor)
    _write(operation, outcome, now)
    if changed is not None:
        changed.revision = _revision_next(changed.account_id)
        changed.save()
    return True


def _waits_for(operation: Operation, data: Any) -> dict[str, Any]:
    """Return what an operation waits for; nothing when it is ready."""
    wanted = {str(one) for one in operation.after}
    name = getattr(data, "case", "")
    if isinstance(name, str) and name.startswith("local:"):
        wanted.add(name.removeprefix("local:"))
    if wanted:
        settled = Operation.objects.filter(account_id=operation.account_id, state__in=FINAL, pk__in=_uuids(wanted))
        open_ones = wanted - {str(pk) for pk in settled.values_list("pk", flat=True)}
        if open_ones:
            return {"after": sorted(open_ones)}
    if (photos := getattr(data, "photos", [])) and (lacking := uploads.missing(operation.account_id, photos)):
        return {"photos": lacking}
    return {}


def _write(operation: Operation, outcome: Outcome, now: dt.datetime) -> None:
    operation.state = outcome.state
    operation.case = outcome.case or operation.case
    operation.settled_at = now if outcome.state in FINAL else None
    operation.result = {"sentence": outcome.sentence, "details": dict(outcome.details)}
    if outcome.asked is not None:
        operation.result["asked"] = {
            "was": dict(outcome.asked.was), "now": dict(outcome.asked.now), "mine": dict(outcome.asked.mine),
            "choices": list(outcome.asked.choices),
        }  # fmt: skip
    elif outcome.state == Operation.State.INVALID:
        operation.result["asked"] = {"was": {}, "now": {}, "mine": dict(operation.data), "choices": ["drop"]}
    operation.revision = _revision_next(operation.account_id)
    operation.save()


def _read_clock(device: Device, asked: Sync, now: dt.datetime) -> clock.Sample:
    row = device.clocks.order_by("-id").first()
    former = clock.Sample(row.at, row.offset_ms, row.uncertainty_ms) if row else None
    last = None
    if asked.last is not None:
        last = clock.Exchange(asked.last.sent, asked.last.server_received, asked.last.server_sent, asked.last.received)
    sample = clock.measure(asked.sent, now, last, former)
    if former is None or former != sample:
        ClockSample.objects.create(device=device, at=sample.at, offset_ms=sample.offset_ms, uncertainty_ms=sample.uncertainty_ms)
    Device.objects.filter(pk=device.pk).update(seen_at=now, offset_ms=sample.offset_ms)
    return sample


def _keep(device: Device, sent: Iterable[Sent], now: dt.datetime) -> None:
    """Write down every operation that is new. One that comes again under its id changes nothing, also when it differs."""
    given = {one.id: one for one in sent}
    known = set(Operation.objects.filter(pk__in=list(given)).values_list("pk", flat=True))
    rows = device.clocks.order_by("-id").values_list("at", "offset_ms", "uncertainty_ms")[:MOST_SAMPLES]
    samples = sorted((clock.Sample(*row) for row in rows), key=lambda one: one.at)
    made = []
    for one in given.values():
        if one.id in known:
            continue
        done_at, uncertain = clock.corrected(one.at, samples, now)
        made.append(
            Operation(
                id=one.id, device=device, account_id=device.account_id, kind=one.kind[:16], made_at=one.at, done_at=done_at,
                uncertainty_ms=uncertain, received_at=now, after=one.after, data=one.data, base=one.base,
                digest=operations.digest_of(one),
            )
        )  # fmt: skip
    Operation.objects.bulk_create(made)


def _results(device: Device, asked: list[Any], since: int | None) -> list[dict[str, Any]]:
    mine = Operation.objects.filter(account_id=device.account_id).select_related("case")
    found = {one.pk: one for one in mine.filter(pk__in=asked)}
    if since is not None:
        found |= {one.pk: one for one in mine.filter(revision__gt=since, device=device)[:500]}
    results = [changes.result_of(one) for one in found.values()]
    # An id that somebody else has used already: said, not explained.
    words = _("这个编号已被别处使用，请重新填写后再发送。")
    strange = {"state": "invalid", "sentence": words, "case": "", "details": {"where": "id"}, "done_at": None}
    return results + [{"id": str(pk), **strange} for pk in asked if pk not in found]


def _revision(device: Device) -> int:
    return Operation.objects.filter(account_id=device.account_id).aggregate(most=Max("revision"))["most"] or 0


def _revision_next(account_id: int) -> int:
    return (Operation.objects.filter(account_id=account_id).aggregate(most=Max("revision"))["most"] or 0) + 1


def _uuids(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if len(text) == 36]


def _take_turns(device: Device) -> None:
    """Wait until no other sync of this person writes; until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"field {device.account_id}"])
