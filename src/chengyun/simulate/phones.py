# SPDX-License-Identifier: Apache-2.0
"""Where a made-up crew was while it worked, as the phones of some bodies tell it: duty begins, a few points, duty ends.

What a track shows is no more certain than in life: somebody else went, or the way led past. How often is this simulation's
assumption, the same that evaluation believes before it has seen a case (cases/evaluation/doubt.py, no_visit).
"""

from __future__ import annotations

import datetime as dt
import random
import uuid

from chengyun.access.actors import Actor
from chengyun.access.models import Account
from chengyun.cases.field import devices
from chengyun.cases.field.models import Device
from chengyun.cases.field.operations import Sent, Sync
from chengyun.cases.field.services import sync
from chengyun.cases.models import Case

__all__ = ["Phones", "has_phones"]

PHONES = 0.6
"""How many bodies have their crews carry phones on duty."""
AWAY = {False: 0.05, True: 0.75}
"""How often no point is near the place: of work that was done, and of work that was not."""
SHIFT = dt.timedelta(minutes=40)
STEP = dt.timedelta(minutes=5)
NEAR, FAR = 0.0002, 0.012
"""Degrees: how far points lie around the place, and how far another one is."""


def has_phones(body: str, seed: int) -> bool:
    """Return whether a body's crews carry phones."""
    return random.Random(f"{seed} phones {body}").random() < PHONES  # noqa: S311  reproducible, not secret


class Phones:
    """The phones of a made-up city, each enrolled when it is first used."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[int, Device] = {}

    def work(self, case: Case, actor: Actor, at: dt.datetime, dice: random.Random, *, false: bool) -> None:
        """Send the track of the work that a person now says was done, where the body has phones and the place is known."""
        if case.lon is None or case.lat is None or not has_phones(case.owner.key, self._seed):
            return
        away = FAR if dice.random() < AWAY[false] else 0.0
        start = max(at - SHIFT, case.stage_since)
        count = max(1, int((at - start) / STEP))
        points = [
            ((number * STEP).total_seconds(), case.lon + away + dice.gauss(0, NEAR), case.lat + dice.gauss(0, NEAR), 12.0)
            for number in range(count)
        ]
        name = f"{self._seed} {case.number} {at.isoformat()}"
        sent = [
            Sent(id=uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {kind} {moment}"), kind=kind, at=moment, data=data)
            for kind, moment, data in (
                ("duty", start, {"on": True}), ("track", start, {"points": points}), ("duty", at, {"on": False}),
            )
        ]  # fmt: skip
        sync(self._device(actor, at), actor, Sync(sent=at, operations=sent), at)

    def _device(self, actor: Actor, at: dt.datetime) -> Device:
        account = actor.account_id or 0
        if account not in self._known:
            there = devices.own(Account.objects.get(pk=account)).first()
            self._known[account] = there or devices.enrol(actor, "模拟手机", at)[0]
        return self._known[account]
