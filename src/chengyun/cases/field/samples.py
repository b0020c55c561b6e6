# SPDX-License-Identifier: Apache-2.0
"""A device as docs/field-work.md asks it to behave, for tests and measuring: an outbox, a copy, a clock that may be wrong."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from chengyun.access.actors import actor_of_account
from chengyun.access.models import Account
from chengyun.cases.field import operations, services, uploads
from chengyun.cases.field.models import Device

__all__ = ["HERE", "Phone", "picture", "report", "sha"]

HERE = (121.5501, 29.8702)
FINAL = ("applied", "merged", "settled", "decide", "invalid", "waiting")


def picture(seed: int) -> bytes:
    """Return a small JPEG that looks like no other seed's."""
    from PIL import Image

    rng = random.Random(seed)  # noqa: S311  # a made-up picture
    small = Image.new("RGB", (9, 8))
    small.putdata([(rng.randrange(256),) * 3 for _ in range(72)])
    out = io.BytesIO()
    small.resize((180, 160), Image.Resampling.NEAREST).save(out, "JPEG", quality=90)
    return out.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Phone:
    """A device as docs/field-work.md asks it to behave: an outbox, a copy of what it was told, a clock of its own."""

    device: Device
    account: Account
    skew: dt.timedelta = dt.timedelta()
    outbox: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: str = ""
    last: dict[str, str] | None = None
    answers: int = 0

    def do(
        self, kind: str, at: dt.datetime, data: dict[str, Any], *, base: dict[str, Any] | None = None, after: Sequence[str] = ()
    ) -> str:
        key = str(uuid.uuid4())
        said = {
            "id": key,
            "kind": kind,
            "at": (at + self.skew).isoformat(),
            "after": list(after),
            "data": data,
            "base": base or {},
        }
        self.outbox[key] = said
        return key

    def send(self, now: dt.datetime, sent: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Speak with the city at `now` and return its answer, which may yet be lost."""
        asked = {
            "protocol": 1, "sent": (now + self.skew).isoformat(), "last": self.last, "cursor": self.cursor, "setup": "x",
            "operations": list(self.outbox.values()) if sent is None else sent,
        }  # fmt: skip
        actor = actor_of_account(self.account, now)
        return services.sync(self.device, actor, operations.read_sync(msgspec.json.encode(asked)), now)

    def take(self, answer: dict[str, Any], now: dt.datetime) -> None:
        """Take an answer in: final operations leave the outbox, changes and the cursor are stored together."""
        self.answers += 1
        for one in answer["results"]:
            self.results[one["id"]] = one
            if one["state"] in FINAL:
                self.outbox.pop(one["id"], None)
        changes = answer["changes"]
        if changes["reset"]:
            self.cases, self.tasks = {}, {}
        self.cases |= {one["number"]: one for one in changes["cases"]}
        self.tasks |= {one["id"]: one for one in changes["tasks"]}
        for number in changes["gone"]["cases"]:
            self.cases.pop(number, None)
        for key in changes["gone"]["tasks"]:
            self.tasks.pop(key, None)
        self.decisions, self.cursor = answer["decisions"], answer["cursor"]
        here = (now + self.skew).isoformat()
        self.last = {"sent": here, "server_received": now.isoformat(), "server_sent": now.isoformat(), "received": here}

    def sync(self, now: dt.datetime) -> dict[str, Any]:
        """Send everything and take the answer in, until there is no more."""
        answer = self.send(now)
        self.take(answer, now)
        while answer["changes"]["more"]:
            answer = self.send(now)
            self.take(answer, now)
        return answer

    def upload(self, data: bytes, now: dt.datetime) -> str:
        uploads.receive(actor_of_account(self.account, now), sha(data), 0, len(data), data, (None, None, None), now)
        return sha(data)


def report(
    title: str = "井盖破损",
    *,
    lon: float = HERE[0],
    lat: float = HERE[1],
    category: str = "",
    photos: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    return {"title": title, "description": title, "lon": lon, "lat": lat, "category": category, "accuracy_m": 8.0,
            "photos": list(photos), **more}  # fmt: skip
