# SPDX-License-Identifier: Apache-2.0
"""What may come in while more comes than can be written: bytes in hand are bounded, the least urgent is turned away first.

    0 ────────────── bulk may fill ──────────────┤ 24 MB
    0 ────────────────── normal may fill ────────────────────────┤ 40 MB
    0 ────────────────────── life safety may fill ───────────────────────────────────┤ 64 MB

A request takes its place before its body is read, by the length it announces, and leaves it when it is answered. Who is
turned away is told when to come back: the longer the less is written and the more is turned away, each a little otherwise,
so that not all come back at once. What a broker keeps until it is acknowledged waits for its place instead. Pure but for the
clock and the dice, which are given.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from chengyun.city.words import URGENCIES, Urgency
from chengyun.errors import Unavailable

__all__ = ["BUDGETS", "Admission", "Episode", "Place"]

_MB = 1024 * 1024
BUDGETS: dict[Urgency, int] = {"bulk": 24 * _MB, "normal": 40 * _MB, "life_safety": 64 * _MB}
"""Bytes in hand, of all classes, up to which a class is let in; what is above the others' is life safety's own reserve."""
LOOK_AGAIN_S = 0.05
"""How often it is looked for room for what waits."""
LEAST = 4 * 1024
"""Bytes a request counts as at least: what it takes besides its body."""
LONGEST_S: dict[Urgency, float] = {"bulk": 60.0, "normal": 30.0, "life_safety": 5.0}
"""The longest a sender is asked to stay away, before the dice."""
WINDOW_S = 5.0
"""How far back it is looked for how fast is written."""
QUIET_S = 5.0
"""A class is turned away no longer when none of it was for this long."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Episode:
    """One stretch of time in which requests of a class were turned away. until: None while it goes on."""

    urgency: Urgency
    since: dt.datetime
    last: dt.datetime
    requests: int = 0
    size: int = 0
    until: dt.datetime | None = None


class Place:
    """What one request takes; a context manager that gives it back."""

    __slots__ = ("_admission", "size", "urgency")

    def __init__(self, admission: Admission, urgency: Urgency, size: int) -> None:
        self._admission, self.urgency, self.size = admission, urgency, size

    def grow(self, size: int) -> None:
        """Take more, up to size in all. Raises Unavailable when there is no room."""
        more = max(size, self.size) - self.size
        if more:
            self._admission.take(self.urgency, more)
            self.size += more

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self.size)


class Admission:
    """The bytes in hand of one process, and who was turned away."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random) -> None:
        self._clock, self._chance = clock, chance
        self.held = 0
        self.shed: dict[Urgency, int] = dict.fromkeys(URGENCIES, 0)
        self._open: dict[Urgency, Episode] = {}
        self._ended: list[Episode] = []
        self._window = _Window(clock())
        self._before = _Window(clock() - WINDOW_S)

    def enter(self, urgency: Urgency, size: int) -> Place:
        """Return a place for a request of so many bytes. Raises Unavailable, with the seconds to wait, when there is no room."""
        size = max(size, LEAST)
        self.take(urgency, size)
        return Place(self, urgency, size)

    def has_room(self, urgency: Urgency, size: int) -> bool:
        """Say whether so many bytes would be let in; alone, even the largest body is."""
        return not self.held or self.held + size <= BUDGETS[urgency]

    async def enter_in_time(self, urgency: Callable[[], Urgency], size: int) -> Place:
        """Return a place once there is room: for those who keep what waits, and do not send it again when turned away.

        urgency: asked again while it waits, as something more urgent may have come to stand behind.
        """
        try:
            return self.enter(urgency(), size)
        except Unavailable:
            while not self.has_room(found := urgency(), max(size, LEAST)):
                await asyncio.sleep(LOOK_AGAIN_S)
        return self.enter(found, size)

    def take(self, urgency: Urgency, size: int) -> None:
        self._turn_window()
        if not self.has_room(urgency, size):
            raise self._turned_away(urgency, size)
        self.held += size

    def leave(self, size: int) -> None:
        self._turn_window()
        self.held -= size
        self._window.written += size

    def episodes(self, now: dt.datetime) -> list[Episode]:
        """Return the episodes that go on; one that has been quiet for long enough ends here."""
        for urgency, episode in list(self._open.items()):
            if (now - episode.last).total_seconds() >= QUIET_S:
                episode.until = episode.last
                del self._open[urgency]
                self._ended.append(episode)
                took = (episode.last - episode.since).total_seconds()
                log.warning("observations of class %s come in again; %d requests were turned away in %.0f s",
                            urgency, episode.requests, took)  # fmt: skip
        return [self._open[urgency] for urgency in URGENCIES if urgency in self._open]

    def take_ended(self) -> list[Episode]:
        """Return the episodes that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def give_back(self, ended: list[Episode]) -> None:
        """Keep episodes for the next take_ended: they could not be stored."""
        self._ended = [*ended, *self._ended][-1_000:]

    def wait_s(self, urgency: Urgency) -> int:
        """Return how many seconds a sender of a class is asked to stay away."""
        written = self._before.written + self._window.written
        turned_away = self._before.shed + self._window.shed
        span = self._clock() - self._before.begun
        # What is in hand must be written first; and of all who want in, only a part fits into the same time again.
        wait = self.held / written * span * (1 + turned_away / written) if written else math.inf
        return max(1, round(min(max(wait, 1.0), LONGEST_S[urgency]) * (0.5 + self._chance())))

    def _turned_away(self, urgency: Urgency, size: int) -> Unavailable:
        now = dt.datetime.now(dt.UTC)
        self._window.shed += size
        self.shed[urgency] += 1
        episode = self._open.get(urgency)
        if episode is None:
            episode = self._open[urgency] = Episode(urgency, now, now)
            log.warning("more comes in than can be written; observations of class %s are turned away", urgency)
        episode.requests += 1
        episode.size += size
        episode.last = now
        wait_s = self.wait_s(urgency)
        return Unavailable(
            f"More comes in than can be written, and observations of class {urgency} are turned away since "
            f"{episode.since.isoformat(timespec='seconds')}. Send the same again in {wait_s} s.",
            code="shedding", shedding=list(self._open), retry_after_s=wait_s,
        )  # fmt: skip

    def _turn_window(self) -> None:
        now = self._clock()
        if now - self._window.begun >= WINDOW_S:
            idle = now - self._window.begun >= 2 * WINDOW_S
            self._before = _Window(now - WINDOW_S) if idle else self._window
            self._window = _Window(now)


class _Window:
    """Bytes written and turned away since a moment."""

    __slots__ = ("begun", "shed", "written")

    def __init__(self, begun: float) -> None:
        self.begun, self.written, self.shed = begun, 0, 0
