# SPDX-License-Identifier: Apache-2.0
"""What devices say, as typed values. What cannot be read becomes an operation that says where, not a refusal of all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from chengyun.errors import Malformed

__all__ = ["DATA", "Last", "Sent", "Sync", "digest_of", "read_data", "read_sync"]

MOST_OPERATIONS = 200
MOST_POINTS = 2_000
Sha = str
Kind = Literal["report", "step", "edit", "note", "duty", "track", "task", "decide"]


class Last(msgspec.Struct, frozen=True):
    """The exchange before this one: by the device's, ours, ours, the device's clock."""

    sent: dt.datetime
    server_received: dt.datetime
    server_sent: dt.datetime
    received: dt.datetime


class Sent(msgspec.Struct, frozen=True):
    """An operation as it comes."""

    id: uuid.UUID
    kind: str
    at: dt.datetime
    after: list[uuid.UUID] = []
    data: dict[str, Any] = {}
    base: dict[str, Any] = {}


class Sync(msgspec.Struct, frozen=True):
    """A request."""

    sent: dt.datetime
    protocol: Literal[1] = 1
    last: Last | None = None
    cursor: str = ""
    setup: str = ""
    operations: list[Sent] = []


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    type: str = ""
    description: str = ""
    category: str = ""
    condition: str = ""
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None
    address: str = ""
    emergency: bool = False
    component_key: str = ""
    photos: list[Sha] = []
    task: int | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: str
    transition: str
    reason: str = ""
    note: str = ""
    assignee: int | None = None
    photos: list[Sha] = []
    lon: float | None = None
    lat: float | None = None
    until: dt.datetime | None = None
    more: dict[str, Any] = {}


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: str
    fields: dict[Literal["title", "description", "address", "category", "condition", "lon", "lat"], str | float | None]


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    case: str
    text: str
    photos: list[Sha] = []


class DutyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    on: bool


class TrackPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    points: list[tuple[float, float, float, float]]
    task: int | None = None


class TaskChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    task: int
    fields: dict[Literal["state", "note"], str]


class Decide(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operation: uuid.UUID
    choice: Literal["again", "note", "drop", "mine", "theirs", "same", "different"]
    values: dict[str, Any] = {}


DATA: Mapping[str, type[msgspec.Struct]] = {
    "report": Report, "step": Step, "edit": Edit, "note": Note, "duty": DutyChange, "track": TrackPart, "task": TaskChange,
    "decide": Decide,
}  # fmt: skip


def read_sync(body: bytes) -> Sync:
    """Return a request. Raises Malformed."""
    try:
        found = msgspec.json.decode(body, type=Sync)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as wrong:
        raise Malformed(f"The request cannot be read: {wrong}.", code="unreadable") from wrong
    if len(found.operations) > MOST_OPERATIONS:
        raise Malformed(f"{len(found.operations)} operations, expected at most {MOST_OPERATIONS}. Send the rest next time.")
    naive = [one for one in (found.sent, *(it.at for it in found.operations)) if one.tzinfo is None]
    if naive:
        raise Malformed(f"{naive[0].isoformat()} has no offset from UTC. Write e.g. 2026-04-01T08:00:00+08:00.", code="time")
    return found


def read_data(kind: str, data: Mapping[str, Any]) -> Any:
    """Return an operation's data as the value of its kind. Raises Malformed, saying where."""
    shape = DATA.get(kind)
    if shape is None:
        raise Malformed(f"kind is {kind!r}, expected one of {', '.join(DATA)}.", where="kind")
    try:
        found = msgspec.convert(dict(data), shape)
    except msgspec.ValidationError as wrong:
        raise Malformed(f"{kind}: {wrong}", where="data") from wrong
    if isinstance(found, TrackPart) and len(found.points) > MOST_POINTS:
        raise Malformed(f"track: {len(found.points)} points, expected at most {MOST_POINTS}.", where="data.points")
    for name in ("photos",):
        for sha in getattr(found, name, []):
            if len(sha) != 64 or not set(sha) <= set("0123456789abcdef"):
                raise Malformed(f"{kind}: photo {sha[:20]!r} is no SHA-256 in lower-case hex.", where="data.photos")
    return found


def digest_of(sent: Sent) -> str:
    """Return what tells whether an operation that comes again under its id is the same."""
    text = json.dumps([sent.kind, sent.at.isoformat(), sorted(map(str, sent.after)), sent.data, sent.base], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
