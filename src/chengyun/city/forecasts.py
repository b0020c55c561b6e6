# SPDX-License-Identifier: Apache-2.0
"""What is said of the future: a quantity of a stream, or an indicator, some steps ahead for every subject that has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from chengyun.city.declare import declaration, is_key

__all__ = ["Forecast"]

LONGEST = 400
"""Steps ahead; further than that nobody has been right often enough to show it."""


@declaration
class Forecast:
    """What will be, of every subject of a stream or an indicator; kept when it is made, scored when the truth has come.

    on: key of a stream or indicator of the pack; field: the quantity, for a stream.
    step: how long one value speaks of; observations within it are averaged. horizon: steps ahead.
    seasons: lengths in steps after which the course repeats, the shortest first, e.g. (24, 168) for hours.
    every: how often it is made. history: how far back is learnt from.
    missing: a value that stands for unknown in this source, as 0 of a road nobody drove; None: there is none.
    lowest: nothing below can be; None: anything can.
    stands: whether a value holds until the next one, as of a sign that only tells changes; for a day at most.
    """

    key: str
    name: str
    on: str
    step: dt.timedelta
    horizon: int
    seasons: Sequence[int]
    field: str | None = None
    every: dt.timedelta = dt.timedelta(hours=6)
    history: dt.timedelta = dt.timedelta(days=56)
    missing: float | None = None
    lowest: float | None = 0.0
    stands: bool = False

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if self.step <= dt.timedelta(0) or self.every <= dt.timedelta(0):
            yield "step and every are spans of time above zero."
        if not 1 <= self.horizon <= LONGEST:
            yield f"horizon is {self.horizon!r} steps, expected 1 to {LONGEST}."
        if not self.seasons or list(self.seasons) != sorted(self.seasons) or self.seasons[0] < 2:
            yield f"seasons is {self.seasons!r}, expected lengths in steps from 2 on, the shortest first."
        elif self.step > dt.timedelta(0) and self.history < 4 * self.seasons[0] * self.step:
            yield f"history is {self.history}, expected at least four of the shortest season ({4 * self.seasons[0] * self.step})."
