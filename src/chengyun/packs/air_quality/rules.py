# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of HJ 633: from concentrations to sub-indices, the index, its level and what is to blame.

All numbers are exact: CO at 2.2 mg/m³ is exactly IAQI 55, and a float rounds it up to 56.
An item is a pollutant with its averaging time, as in `pm25_24h`; its breakpoints are the table `iaqi.<item>`.
Concentrations take few values, so what one of them comes to is worked out once and remembered.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from operator import index
from typing import Literal, NamedTuple

from chengyun.city import Entry, Limits

POLLUTANTS = {"so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3", "pm10": "PM10", "pm25": "PM2.5"}
"""Key → symbol, in the order of HJ 633-2012, table 1."""

Report = Literal["hourly", "daily"]

Mean = Fraction | tuple[Decimal, int]
"""A mean, exact: the fraction, or a sum and how many values it is of, which costs no division before it is needed."""

REMEMBERED = 1 << 16
"""Means of one item that are remembered; a few MB at most."""


def fraction_of(mean: Mean) -> Fraction:
    """Return a mean as a fraction."""
    return Fraction(mean[0]) / mean[1] if isinstance(mean, tuple) else mean


def pollutant_of(item: str) -> str:
    """Return the pollutant of an item: `pm25_24h` → `pm25`."""
    return item.rsplit("_", 1)[0]


def round_half_even(value: Fraction, decimals: int) -> Fraction:
    """Return the value rounded to a number of decimals, a half to the even neighbour.

    Standard: GB/T 8170-2008, 3.2 (四舍六入五成双).
    """
    # round() of a Fraction is exact, and to even; without digits it is the faster of two ways.
    return Fraction(round(value, decimals) if decimals else round(value))


def iaqi(
    concentration: Fraction | None, bands: Sequence[Sequence[int]], *, above_top: Literal["last", "none"] = "last"
) -> int | None:
    """Return the sub-index of one pollutant, 0 to 500.

    concentration: already rounded, in the unit of the bands; None if not valid.
    bands: [concentration, index] rising, from limits.toml.
    above_top: what a concentration above the last band gives: its index, or None.
    Returns a whole number, rounded up. Raises ValueError below zero.
    Standard: HJ 633-2012, formula (1) and 4.2.6; unchanged in HJ 633-2026.
    """
    if concentration is None:
        return None
    if concentration < 0:
        raise ValueError(f"concentration is {concentration}, below zero")
    # Whole numbers throughout: the concentration is number / parts, and -(-a // b) is a / b rounded up.
    number, parts = concentration.numerator, concentration.denominator
    for (low, low_index), (high, high_index) in pairwise(bands):
        if number <= high * parts:
            return low_index - (-(high_index - low_index) * (number - low * parts) // ((high - low) * parts))
    return bands[-1][1] if above_top == "last" else None


class Air(NamedTuple):
    """The air of one place and interval, judged.

    rounded: item → concentration as judged, for the items that had one; a number to show, no longer exact.
    iaqi: pollutant → sub-index; None when the pollutant had no valid mean or none of its tables reaches it.
    aqi: the largest sub-index; None when there is none.
    level: 1 (优) to 6 (严重污染).
    primary: pollutants of the largest sub-index, when that is above 50; several at a tie.
    exceeded: pollutants above 100, in editions that name them.
    """

    rounded: Mapping[str, float]
    iaqi: Mapping[str, int | None]
    aqi: int | None
    level: int | None
    level_name: str | None
    primary: tuple[str, ...]
    exceeded: tuple[str, ...]


def judge(means: Mapping[str, Mean | None], day: dt.date, report: Report, limits: Limits) -> Air:
    """Return the index of a set of means by the edition in force on a day.

    means: item → mean, unrounded; None or absent is not valid. Before the first edition there is no index.
    Standard: HJ 633-2012, 4.2 to 4.4; HJ 633-2026 from 2026-03-01.
    """
    edition = _edition(limits, report, day)
    indices: dict[str, int | None] = dict.fromkeys(POLLUTANTS)
    rounded: dict[str, float] = {}
    if edition is None:
        return Air(rounded, indices, None, None, None, (), ())
    known: dict[str, int] = {}
    for pollutant, ways in edition.ways.items():
        # Where the item's table ends below the concentration, some editions judge by another averaging time; a mean
        # that is not valid is not replaced.
        for way in ways:
            mean = means.get(way.item)
            if mean is None:
                break
            rounded[way.item], one = way.judge(mean)
            if one is not None:
                indices[pollutant] = known[pollutant] = one
                break
    if not known:
        return Air(rounded, indices, None, None, None, (), ())
    aqi = max(known.values())
    level = 1 + bisect_left(edition.level_tops, aqi)
    return Air(
        rounded=rounded,
        iaqi=indices,
        aqi=aqi,
        level=level,
        level_name=edition.level_names[level - 1],
        primary=tuple([pollutant for pollutant, one in known.items() if one == aqi]) if aqi > 50 else (),
        exceeded=tuple([pollutant for pollutant, one in known.items() if one > 100])
        if edition.names_exceeded and aqi > 100
        else (),
    )


def symbols(pollutants: Iterable[str]) -> str | None:
    """Return pollutants as people write them, `PM2.5, O3`; None for none."""
    return ", ".join(POLLUTANTS[pollutant] for pollutant in pollutants) or None


class _Way(NamedTuple):
    """How one item is judged. judge: mean → its rounded concentration, and its sub-index."""

    item: str
    judge: Callable[[Mean], tuple[float, int | None]]


@dataclass(frozen=True)
class _Edition:
    """The tables of one edition, gathered. ways: pollutant → its items in the order they are tried."""

    ways: Mapping[str, tuple[_Way, ...]]
    level_tops: Sequence[int]
    level_names: Sequence[str]
    names_exceeded: bool


# A year of hours asks for the same few days again and again.
@lru_cache(maxsize=1024)
def _edition(limits: Limits, report: Report, day: dt.date) -> _Edition | None:
    tables = [name for name in limits if name.startswith(("aqi.", "iaqi.", "rounding."))]
    changes = limits.changes(tables, dt.date.min, day + dt.timedelta(days=1))
    # Days between two changes share one edition, and with it what it remembers.
    return _gathered(limits, report, changes[-1]) if changes else None


@lru_cache(maxsize=64)
def _gathered(limits: Limits, report: Report, day: dt.date) -> _Edition | None:
    try:
        edition = limits.on(f"aqi.{report}", day)
    except LookupError:
        return None
    levels, decimals = limits.on("aqi.levels", day), limits.on("rounding.decimals", day)
    instead: Mapping[str, str] = edition.values.get("instead", {})
    ways = {}
    for item in edition["items"]:
        pollutant = pollutant_of(item)
        items = (item, instead[item]) if item in instead else (item,)
        tables = [(one, limits.on(f"iaqi.{one}", day)) for one in items]
        ways[pollutant] = tuple(_way(one, decimals[pollutant], table) for one, table in tables)
    return _Edition(ways, levels["upto"], levels["names"], edition["exceeded"])


def _way(item: str, decimals: int, table: Entry) -> _Way:
    # index() refuses a number with decimals: the arithmetic of iaqi() is that of whole numbers.
    bands, above_top = [(index(top), index(step)) for top, step in table["bands"]], table["above_top"]

    @lru_cache(maxsize=REMEMBERED)
    def judge_one(mean: Mean) -> tuple[float, int | None]:
        rounded = round_half_even(fraction_of(mean), decimals)
        return float(rounded), iaqi(rounded, bands, above_top=above_top)

    return _Way(item, judge_one)
