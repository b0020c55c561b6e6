# SPDX-License-Identifier: Apache-2.0
"""Whether a target is met, and whether it will be: from dated values alone, nothing invented.

A forecast is a straight line through the values with the interval a new value lies in nine times in ten (ordinary least squares).
Fewer than four values give none: three points have one degree of freedom, and an interval as wide as the page.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Aim", "Forecast", "Standing", "forecast", "meets", "standing"]

FEWEST = 4
ABOUT = 0.05
"""How far, of the target, a value may lie from one that is printed as "about" (~). The plans do not say: an assumption."""
YEAR_DAYS = 365.2425
T_90 = (
    math.inf, 6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
    1.740, 1.734, 1.729, 1.725,
)  # fmt: skip
"""Student's t for a two-sided 90 % interval, by degrees of freedom; beyond the table the last is wide enough."""

State = Literal["rule", "no_number", "no_data", "met", "missed", "likely", "unlikely", "open"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be reached. by: None: no date is named."""

    kind: str
    comparator: str
    low: float | None
    high: float | None
    by: dt.date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The value on the day, and the interval a value then lies in nine times in ten. points: how many it rests on."""

    value: float
    low: float
    high: float
    points: int


@dataclass(frozen=True, slots=True)
class Standing:
    """state: met and missed are facts; likely, unlikely: a forecast whose whole interval says so; open: it may go either way.

    progress: share of the way from the first value to the target, at most 1; None where there is no way to speak of.
    """

    state: State
    newest: tuple[dt.date, float] | None = None
    progress: float | None = None
    forecast: Forecast | None = None


def meets(aim: Aim, value: float) -> bool:
    """Say whether a value is what the target asks for. Of a range, its nearer end is enough."""
    if aim.low is None or aim.high is None:
        raise ValueError("a target that is no number is not met by one.")
    match aim.comparator:
        case ">=":
            return value >= aim.low
        case ">":
            return value > aim.low
        case "<=":
            return value <= aim.high
        case "<":
            return value < aim.high
        case "~":
            slack = ABOUT * max(abs(aim.low), abs(aim.high))
            return aim.low - slack <= value <= aim.high + slack
    return aim.low <= value <= aim.high


def standing(aim: Aim, values: Sequence[tuple[dt.date, float]], today: dt.date) -> Standing:
    """Return where a target stands. values: (as of, value), by day; a later one of a day replaces the earlier."""
    if aim.kind != "target":
        return Standing("rule")
    if aim.low is None:
        return Standing("no_number")
    known = sorted(dict(values).items())
    if not known:
        return Standing("no_data")
    in_time = [one for one in known if aim.by is None or one[0] <= aim.by]
    newest = known[-1]
    progress = _progress(aim, known)
    if in_time and meets(aim, in_time[-1][1]):
        return Standing("met", newest, progress)
    if aim.by is None or not in_time:
        return Standing("open", newest, progress)
    if today > aim.by:
        # What was last said before the day may be old: missed only if it speaks of the year itself.
        return Standing("missed" if in_time[-1][0].year == aim.by.year else "open", newest, progress)
    found = forecast(known, aim.by)
    if found is None:
        return Standing("open", newest, progress)
    ends = {meets(aim, found.low), meets(aim, found.high)}
    return Standing("open" if len(ends) == 2 else "likely" if ends == {True} else "unlikely", newest, progress, found)


def forecast(values: Sequence[tuple[dt.date, float]], day: dt.date) -> Forecast | None:
    """Return the value a straight line gives for a day; None from values of fewer than four days."""
    count = len(values)
    if len({one for one, _ in values}) < FEWEST:
        return None
    times = [one.toordinal() / YEAR_DAYS for one, _ in values]
    mean_t, mean_v = math.fsum(times) / count, math.fsum(value for _, value in values) / count
    spread = math.fsum((time - mean_t) ** 2 for time in times)
    slope = math.fsum((time - mean_t) * (value - mean_v) for time, (_, value) in zip(times, values, strict=True)) / spread
    left = math.fsum((value - mean_v - slope * (time - mean_t)) ** 2 for time, (_, value) in zip(times, values, strict=True))
    ahead = day.toordinal() / YEAR_DAYS - mean_t
    error = math.sqrt(left / (count - 2) * (1 + 1 / count + ahead**2 / spread))
    reach = T_90[min(count - 2, len(T_90) - 1)] * error
    value = mean_v + slope * ahead
    return Forecast(value, value - reach, value + reach, count)


def _progress(aim: Aim, values: Sequence[tuple[dt.date, float]]) -> float | None:
    goal = aim.low if aim.comparator in (">=", ">") else aim.high
    begun, now = values[0][1], values[-1][1]
    if goal is None or goal == begun:
        return None
    return max(0.0, min(1.0, (now - begun) / (goal - begun)))
