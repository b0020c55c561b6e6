# SPDX-License-Identifier: Apache-2.0
"""Charts and maps as places between 0 and 1: arithmetic alone, so that the same figures give the same picture."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from chengyun.web.boards.shown import Drawn, Point, Series

__all__ = ["Flat", "chart", "rings", "ticks"]

MOST_POINTS = 240
"""Of a line; of more, each stretch keeps its lowest and its highest value."""

Course = Sequence[tuple[dt.datetime, float | None]]


def chart(
    courses: Sequence[tuple[str, str, Course]],
    since: dt.datetime,
    until: dt.datetime,
    gap: dt.timedelta,
    *,
    across: Sequence[tuple[dt.datetime, str]] = (),
    decimals: int = 0,
    target: float | None = None,
    says: str = "",
) -> Drawn | None:
    """Return courses (name, newest value as text, values by time) as a picture; None without two known values.

    gap: values further apart are not joined.
    """
    known = [value for _name, _last, course in courses for _at, value in course if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return None
    reach = [*known, *([target] if target is not None else [])]
    low, high = min(reach), max(reach)
    if low >= 0 and low < high / 2:
        low = 0.0
    if high == low:
        low, high = low - 1, high + 1
    steps = ticks(low, high, 4)
    low, high = min(low, steps[0]), max(high, steps[-1])
    length = (until - since) / dt.timedelta(seconds=1)

    def x(at: dt.datetime) -> float:
        return round(min(1.0, max(0.0, (at - since) / dt.timedelta(seconds=1) / length)), 4)

    def y(value: float) -> float:
        return round((high - value) / (high - low), 4)

    series = []
    for name, last, course in courses:
        runs: list[list[tuple[dt.datetime, float]]] = []
        for at, value in course:
            if value is None or not math.isfinite(value):
                continue
            if not runs or at - runs[-1][-1][0] > gap:
                runs.append([])
            runs[-1].append((at, value))
        most = max(2, MOST_POINTS * 2 // max(1, len(runs) * len(courses)))
        series.append(Series(name, tuple(tuple((x(at), y(value)) for at, value in _thinned(run, most)) for run in runs), last))
    return Drawn(
        tuple(series),
        tuple((x(at), text) for at, text in across),
        tuple((y(step), f"{step:,.{_places(steps)}f}") for step in steps),
        None if target is None else y(target),
        says,
    )


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers from at most low to at least high, about so many steps."""
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(one * size for one in (1, 2, 2.5, 5, 10) if one * size >= rough * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def _places(steps: Sequence[float]) -> int:
    return next((places for places in range(4) if all(abs(round(one, places) - one) < 1e-9 for one in steps)), 4)


def _thinned(run: Sequence[tuple[dt.datetime, float]], most: int) -> Sequence[tuple[dt.datetime, float]]:
    if len(run) <= most:
        return run
    size = math.ceil(len(run) / (most / 2))
    kept: list[tuple[dt.datetime, float]] = []
    for start in range(0, len(run), size):
        part = run[start : start + size]
        kept += sorted({min(part, key=lambda one: one[1]), max(part, key=lambda one: one[1])})
    return kept


class Flat:
    """A box of longitudes and latitudes as a plane 1000 units wide: near enough for a city."""

    def __init__(self, places: Sequence[Point]) -> None:
        """places: at least one point of what is to be shown."""
        west, east = min(lon for lon, _lat in places), max(lon for lon, _lat in places)
        south, north = min(lat for _lon, lat in places), max(lat for _lon, lat in places)
        self._squeeze = math.cos(math.radians((south + north) / 2))
        wide = max((east - west) * self._squeeze, 0.02)
        tall = max(north - south, 0.02)
        self._margin = 0.03 * max(wide, tall)
        self._west, self._north = (west + east) / 2 - wide / 2 / self._squeeze, (south + north) / 2 + tall / 2
        self._scale = 1000 / (wide + 2 * self._margin)
        self.height = round((tall + 2 * self._margin) * self._scale, 1)

    @property
    def box(self) -> tuple[float, ...]:
        """What tells it apart: the same box shows the same places at the same points."""
        return self._west, self._north, self._squeeze, self._margin, self._scale

    def at(self, lon: float, lat: float) -> Point:
        x = ((lon - self._west) * self._squeeze + self._margin) * self._scale
        return round(x, 1), round((self._north - lat + self._margin) * self._scale, 1)


def rings(area: Mapping[str, object]) -> list[list[Point]]:
    """Return an area's outline as remembered."""
    found: list[list[Point]] = area.get("rings", [])  # type: ignore[assignment]
    return found
