# SPDX-License-Identifier: Apache-2.0
"""The people of a made-up city: accounts nobody can sign in to, and how each body goes about its work.

A body is diligent, slow, or at times false: it then reports work as done that nobody did, with a photo of another place.
Which it is follows from the seed and stands in the truth file alone.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from chengyun.access import services as access
from chengyun.access.actors import SYSTEM, Actor, actor_of_account
from chengyun.access.models import Account, Organisation

__all__ = ["Cast", "Habit", "after_work", "habit_of"]

SURNAMES = "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁"
GIVEN = ("伟", "敏", "静", "磊", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "霞", "平", "刚", "丽")
SHIFT = (dt.time(7), dt.time(21))
"""Somebody of every body is at work between these, on every day of the week."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How a body works. pace: its times are those of the habits file times this. false: how often it says what is not so."""

    name: str
    pace: float
    false: float


DILIGENT, SLOW, CHEATING = Habit("diligent", 0.8, 0.0), Habit("slow", 2.6, 0.0), Habit("cheating", 0.6, 0.3)


def habit_of(body: str, seed: int) -> Habit:
    """Return how a body works."""
    dice = random.Random(f"{seed} habit {body}")  # noqa: S311  reproducible, not secret
    return dice.choices((DILIGENT, SLOW, CHEATING), (0.65, 0.25, 0.1))[0]


def after_work(since: dt.datetime, span: dt.timedelta, zone: ZoneInfo) -> dt.datetime:
    """Return when a span of work that begins at an instant is done, in UTC."""
    begins, ends = SHIFT
    day = since.astimezone(zone).date()
    while True:
        opens, closes = (dt.datetime.combine(day, time, zone).astimezone(dt.UTC) for time in (begins, ends))
        at = max(since, opens)
        if at < closes:
            if at + span <= closes:
                return at + span
            span -= closes - at
        day += dt.timedelta(days=1)


class Cast:
    """Who acts in which role. Accounts are made when they are first needed, and found again by their names."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[tuple[str, str], Actor] = {}

    def actor(self, role: str, body: Organisation) -> Actor:
        """Return the one who holds a role in a body."""
        known = self._known.get((role, body.key))
        if known is None:
            known = self._known[role, body.key] = actor_of_account(self._account(role, body))
        return known

    def _account(self, role: str, body: Organisation) -> Account:
        username = f"simulated-{role}-{body.key}"[:64]
        account = Account.objects.filter(username=username).first()
        if account is None:
            dice = random.Random(f"{self._seed} {username}")  # noqa: S311  reproducible, not secret
            account = access.create_account(SYSTEM, username, f"{dice.choice(SURNAMES)}{dice.choice(GIVEN)}（模拟）", body)
        if not account.assignments.filter(role=role).exists():
            access.assign(SYSTEM, account, role, body)
        return account
