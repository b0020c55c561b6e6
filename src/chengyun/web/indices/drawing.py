# SPDX-License-Identifier: Apache-2.0
"""Indices as pictures: contributions as bars about a middle line, a course as a line, a rank with the span it may lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Bar", "Course", "Firm", "bars", "course", "firm"]


@dataclass(frozen=True, slots=True)
class Bar:
    """In per cent of the width: where it begins and how wide it is; zero is at `zero` of all bars."""

    x: float
    width: float
    zero: float
    down: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A line in a box of 100 × 40. path: a gap is a gap. low, high: its lowest and highest value."""

    path: str
    dots: tuple[tuple[float, float, str], ...]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Firm:
    """A rank and its span, in per cent of the width: the best rank at the left."""

    at: float
    low: float
    high: float


def bars(shares: Sequence[float]) -> list[Bar]:
    """Return a bar for each share of a change, all on one scale that has room for both directions."""
    down, up = -min((*shares, 0.0)), max((*shares, 0.0))
    whole = down + up or 1.0
    zero = 100 * down / whole
    return [
        Bar(round(zero + min(0.0, 100 * share / whole), 2), round(abs(100 * share / whole), 2), round(zero, 2), share < 0)
        for share in shares
    ]


def course(values: Sequence[float | None], says: Sequence[str]) -> Course | None:
    """Return the course of values at equal distances, oldest first; None with fewer than two."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    least, most = min(known), max(known)
    room = (most - least) * 0.1 or 1.0
    low, high = least - room, most + room
    path, dots, joined = "", [], False
    for place, (value, said) in enumerate(zip(values, says, strict=True)):
        if value is None:
            joined = False
            continue
        x, y = round(100 * (place + 0.5) / len(values), 2), round(40 * (1 - (value - low) / (high - low)), 2)
        path += f"{'L' if joined else 'M'}{x} {y}"
        dots.append((x, y, said))
        joined = True
    return Course(path, tuple(dots), least, most)


def firm(rank: int | None, low: int | None, high: int | None, of: int) -> Firm | None:
    """Return where a rank and its span lie; None without one."""
    if rank is None or low is None or high is None:
        return None
    return Firm(*(round(100 * (place - 0.5) / max(1, of), 2) for place in (rank, low, high)))
