# SPDX-License-Identifier: Apache-2.0
"""One batch, from read to settled, so that a crash at any point loses nothing and doubles nothing.

    note    one commit: what will be sent, its idempotency key, and what settling it will change
    send    register rows in one commit, observations through the front door, which answers after its commit
    settle  one commit: position, known rows, files, dead letters, counts; the note goes

A note that is found at the start of a run is sent again under its key: the front door answers it as it did, or for the first
time. Until a batch is settled the position stands where it stood.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from chengyun.city import City, Registered
from chengyun.collect.models import DeadLetter
from chengyun.collect.pull import known
from chengyun.collect.pull.faults import step
from chengyun.collect.pull.models import KnownRow, Pending, Run, SeenFile, Source
from chengyun.collect.registering import model_of, register

__all__ = ["Noted", "Post", "deliver", "note", "settle"]

Post = Callable[[str, Any, str], dict[str, Any]]
"""(stream, body, idempotency key) → the front door's answer. Raises Unavailable or Malformed."""


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """A batch and what settling it changes.

    columns: of the stream. entity, registered: register and its rows. dead: (code, reason, row) that never reach the door.
    known: (key, digest, watermark) of every row, unchanged ones too. read, same, size: counted for the run.
    """

    stream: str
    columns: dict[str, list[Any]]
    entity: str
    registered: list[tuple[str, dict[str, Any]]]
    dead: list[tuple[str, str, dict[str, Any]]]
    known: list[tuple[str, bytes, int | None]]
    position: dict[str, Any] | None
    file: dict[str, Any] | None
    at: str
    read: int
    same: int
    size: int
    newest: dt.datetime | None

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def idle(self) -> bool:
        """Whether nothing is to be sent."""
        return not self.rows and not self.registered


def note(source: Source, run: Run, noted: Noted) -> Pending:
    """Write down what is going to be sent."""
    return Pending.objects.create(
        source=source, run=run, key=f"pull-{source.pk}-{secrets.token_hex(12)}", batch=msgspec.msgpack.encode(noted)
    )


def deliver(city: City, pending: Pending, post: Post) -> None:
    """Send a noted batch and settle it. Raises Unavailable or Malformed; the note then stays."""
    noted = msgspec.msgpack.decode(bytes(pending.batch), type=Noted)
    registered = 0
    if noted.registered:
        with transaction.atomic():
            registered = _register(city, pending.source_id, noted)
        step("registered")
    answer: Mapping[str, Any] = {}
    if noted.rows:
        answer = post(noted.stream, {"columns": noted.columns}, pending.key)
        step("sent")
    settle(pending.source_id, pending.run_id, noted, answer, registered)
    step("settled")


def settle(source_id: int, run_id: int, noted: Noted, answer: Mapping[str, Any], registered: int = 0) -> None:
    """Move everything that moves with a batch, in one commit."""
    now = timezone.now()
    with transaction.atomic():
        source = Source.objects.select_for_update().get(pk=source_id)
        known.keep(source_id, run_id, [known.Seen(*it) for it in noted.known])
        if noted.file is not None:
            _keep_file(source_id, noted.file, now)
        DeadLetter.objects.bulk_create(
            DeadLetter(
                stream=noted.stream or noted.entity, received_at=now, actor=f"source:{source.key}", source=noted.at[:200],
                code=code[:40],                reason=reason, row=row,
            )
            for code, reason, row in noted.dead
        )  # fmt: skip
        if noted.position is not None:
            source.position = noted.position
        if noted.newest is not None and (source.newest is None or noted.newest > source.newest):
            source.newest = noted.newest
        source.save(update_fields=["position", "newest"])
        Run.objects.filter(pk=run_id).update(
            read=F("read") + noted.read,
            same=F("same") + noted.same,
            kept=F("kept") + int(answer.get("accepted", 0)),
            dead=F("dead") + int(answer.get("dead_total", len(answer.get("dead", ())))) + len(noted.dead),
            flagged=F("flagged") + sum(answer.get("flags", {}).values()),
            registered=F("registered") + registered,
            bytes=F("bytes") + noted.size,
        )
        Pending.objects.filter(source_id=source_id).delete()


def _register(city: City, source_id: int, noted: Noted) -> int:
    pack, _, entity = noted.entity.partition(".")
    model = model_of(city, noted.entity)
    fields = {field.name: field for field in model._meta.concrete_fields}
    rows = [(key, {name: fields[name].to_python(value) for name, value in values.items()}) for key, values in noted.registered]
    # What we ended because it was gone, and what is there again, is in force again.
    back = KnownRow.objects.filter(source_id=source_id, key__in=[key for key, _ in rows]).exclude(gone_at=None).values("key")
    for one in model._default_manager.filter(key__in=back).exclude(valid_to=None):
        one.valid_to = None
        one.save(update_fields=["valid_to"])
    return register(city, pack, [Registered(entity, key, values) for key, values in rows])


def _keep_file(source_id: int, file: Mapping[str, Any], now: dt.datetime) -> None:
    rest = {name: value for name, value in file.items() if name != "path"}
    SeenFile.objects.update_or_create(
        source_id=source_id,
        path=file["path"],
        defaults={**rest, "seen_at": now, **({"read_at": now} if rest["state"] == "read" else {})},
    )
