# SPDX-License-Identifier: Apache-2.0
"""The trend as a picture: a bar for what was opened, a mark for what was closed, a line for what is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Bar", "Trend", "trend"]

HEIGHT = 160.0


@dataclass(frozen=True, slots=True)
class Bar:
    """Places in per cent of the width and units of the height. then: where the line is; None without anything to compare."""

    x: float
    width: float
    top: float
    height: float
    closed: float
    middle: float
    then: float | None
    says: str

    @property
    def x2(self) -> float:
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Trend:
    """ticks: (height, what it says)."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[tuple[float, float, float, float], ...]
    height: float = HEIGHT


def trend(opened: Sequence[int], closed: Sequence[int], then: Sequence[int | None], says: Sequence[str]) -> Trend:
    """Return the picture of as many steps as there are names."""
    top = _round_up(max((one or 0 for one in (*opened, *closed, *then)), default=0))
    wide = 100 / max(1, len(says))

    def at(value: int) -> float:
        return round(HEIGHT * (1 - value / top), 2)

    bars = tuple(
        Bar(
            round(wide * (number + 0.15), 3), round(wide * 0.7, 3), at(opened[number]), round(HEIGHT - at(opened[number]), 2),
            at(closed[number]), round(wide * (number + 0.5), 3), None if (old := then[number]) is None else at(old), said,
        )
        for number, said in enumerate(says)
    )  # fmt: skip
    lines = tuple(
        (one.middle, one.then, other.middle, other.then)
        for one, other in pairwise(bars)
        if one.then is not None and other.then is not None
    )
    return Trend(bars, tuple((at(value), f"{value:,}") for value in (top // 2, top)), lines)


def _round_up(value: int) -> int:
    """Return the next even number with one digit before its zeros, or one and a half."""
    size = 2
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8):
            if step * size >= value:
                return step * size
        size *= 10
