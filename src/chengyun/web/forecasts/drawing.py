# SPDX-License-Identifier: Apache-2.0
"""A forecast as shapes: what was, what is expected with its bands, and what was expected before. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

__all__ = ["Picture", "Span", "draw"]

WIDTH, HEIGHT = 960.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 12.0, 28.0

Points = Sequence[tuple[dt.datetime, float]]


@dataclass(frozen=True, slots=True)
class Span:
    """What was said at once: values with the two bands around them, all at the same moments."""

    moments: Sequence[dt.datetime]
    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    low_half: Sequence[float] = ()
    high_half: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """What a template puts into SVG. actual: pieces, broken where nothing is known. ticks: (place, text)."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    band: str
    band_half: str
    expected: str
    before: tuple[str, ...]
    actual: tuple[str, ...]
    moments: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str], ...]
    now: float | None


def draw(actual: Points, newest: Span | None, before: Sequence[Span], step: dt.timedelta, zone: ZoneInfo) -> Picture | None:
    """Return the picture; None where there is nothing to draw. actual: what came, oldest first."""
    moments = [at for at, _ in actual] + [at for one in (*before, *([newest] if newest else [])) for at in one.moments]
    values = [value for _, value in actual] + [value for one in before for value in one.values]
    values += [*newest.low, *newest.high] if newest else []
    if not moments or not values:
        return None
    since, until = min(moments), max(moments) + step
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 1.0, high + 1.0
    tick = _round_step((high - low) / 4)
    low, high = math.floor(low / tick) * tick, math.ceil(high / tick) * tick

    def place(at: dt.datetime, value: float) -> str:
        return f"{_x(at, since, until):.1f},{_y(value, low, high):.1f}"

    def line(span: Span) -> str:
        return " ".join(place(at, value) for at, value in zip(span.moments, span.values, strict=True))

    def area(span: Span, under: Sequence[float], over: Sequence[float]) -> str:
        along = [place(at, value) for at, value in zip(span.moments, over, strict=True)]
        return " ".join([*along, *reversed([place(at, value) for at, value in zip(span.moments, under, strict=True)])])

    pieces, piece, last = list[str](), list[str](), None
    for at, value in actual:
        if last is not None and at - last > step and piece:
            pieces.append(" ".join(piece))
            piece = []
        piece.append(place(at, value))
        last = at
    pieces.append(" ".join(piece))
    days = _moments(since, until, zone)
    levels = [low + number * tick for number in range(round((high - low) / tick) + 1)]
    return Picture(
        WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM,
        area(newest, newest.low, newest.high) if newest else "",
        area(newest, newest.low_half, newest.high_half) if newest else "",
        line(newest) if newest else "",
        tuple(line(one) for one in before), tuple(one for one in pieces if one),
        tuple((_x(at, since, until), text) for at, text in days),
        tuple((_y(level, low, high), f"{level:g}") for level in levels),
        _x(newest.moments[0], since, until) if newest else None,
    )  # fmt: skip


def _x(at: dt.datetime, since: dt.datetime, until: dt.datetime) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * ((at - since) / (until - since))


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (value - low) / (high - low))


def _round_step(width: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= width)


def _moments(since: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> list[tuple[dt.datetime, str]]:
    """Return the local midnights in a span, thinned to what fits."""
    day = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [day + dt.timedelta(days=number) for number in range((until - since).days + 2)]
    inside = [one for one in days if since <= one <= until]
    every = -(-len(inside) // 8)
    return [(one, f"{one.month}-{one.day:02d}") for one in inside[:: every or 1]]
