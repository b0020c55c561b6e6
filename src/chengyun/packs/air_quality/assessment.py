# SPDX-License-Identifier: Apache-2.0
"""Assessment of a month or a year by HJ 663: means, percentiles, limits and the composite index; all exact."""

from __future__ import annotations

import calendar
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from chengyun.city import Limits
from chengyun.packs.air_quality.rules import POLLUTANTS, round_half_even

Span = Literal["month", "year"]
DAILY_ITEM = {"o3": "8h"}
"""Averaging time of a pollutant's daily value where it is not 24 h."""


def percentile(values: Sequence[Fraction], percent: int) -> Fraction:
    """Return the percentile, interpolated between the two nearest values. Raises ValueError for no values.

    Standard: HJ 663-2013, annex A: k = (n-1)p, counted from 0; X(s) + (X(s+1) - X(s))(k - s).
    """
    if not values:
        raise ValueError("a percentile of no values")
    ordered = sorted(values)
    k = Fraction(percent, 100) * (len(ordered) - 1)
    s = math.floor(k)
    above = ordered[min(s + 1, len(ordered) - 1)]
    return ordered[s] + (above - ordered[s]) * (k - s)


def last_day(first: dt.date, span: Span) -> dt.date:
    """Return the last day of the month or year that begins on a day; its edition judges the whole span."""
    if span == "year":
        return first.replace(month=12, day=31)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def enough_days(days: int, first: dt.date, span: Span, limits: Limits) -> bool:
    """Say whether so many valid days make a valid month or year.

    Standard: GB 3095-2012, table 4: 324 days a year, 27 a month, 25 in February.
    """
    if span == "year":
        return bool(days >= limits.on("validity.year", last_day(first, span))["min_days"])
    terms = limits.on("validity.month", last_day(first, span))
    return bool(days >= terms["min_days_february" if first.month == 2 else "min_days"])


@dataclass(frozen=True)
class Item:
    """One line of an assessment: a mean or a percentile against its limit.

    value: rounded as judged. limit: grade 2. over: 超标倍数, (value - limit) / limit; 0 or less is within.
    """

    key: str
    value: Fraction
    limit: Fraction
    over: Fraction

    @property
    def met(self) -> bool:
        return self.over <= 0


def assess(days: Mapping[str, Sequence[Fraction]], first: dt.date, span: Span, limits: Limits) -> dict[str, Item | None]:
    """Return every item of the assessment of a month or year; None where the days are too few.

    days: pollutant → its valid daily values.
    Standard: HJ 663-2013, table 1, with the limits in force on the span's last day.
    """
    last = last_day(first, span)
    terms, decimals = limits.on("assessment.items", last), limits.on("rounding.decimals", last)
    found: dict[str, Item | None] = {}

    def add(key: str, pollutant: str, value: Fraction | None, table: str) -> None:
        if value is None:
            found[key] = None
            return
        limit = Fraction(limits.on(f"gb3095.{pollutant}_{table}", last)["grade2"])
        judged = round_half_even(value, decimals[pollutant])
        found[key] = Item(key, judged, limit, (judged - limit) / limit)

    for pollutant in POLLUTANTS:
        values = days.get(pollutant, ())
        valid = enough_days(len(values), first, span, limits)
        if pollutant in terms["means"]:
            add(f"{pollutant}_mean", pollutant, sum(values, Fraction(0)) / len(values) if valid else None, "year")
        percent = terms["percentiles"][pollutant]
        table = DAILY_ITEM.get(pollutant, "24h")
        add(f"{pollutant}_p{percent}", pollutant, percentile(values, percent) if valid else None, table)
    return found


def composite_index(items: Mapping[str, Item | None], first: dt.date, span: Span, limits: Limits) -> Fraction | None:
    """Return the composite index: the weighted sum of concentration over limit; None when a pollutant is not valid.

    SO2, NO2, PM10 and PM2.5 count by their mean, CO by its 95th and O3 by its 90th percentile.
    Standard: HJ 663-2013 (all weights 1); HJ 663-2026 from 2026-03-01. Rounded to 2 decimals, as published.
    """
    weights = limits.on("composite.weights", last_day(first, span))
    total = Fraction(0)
    for pollutant in POLLUTANTS:
        item = items.get(f"{pollutant}_mean") if f"{pollutant}_mean" in items else _percentile_of(items, pollutant)
        if item is None:
            return None
        total += weights[pollutant] * item.value / item.limit
    if weights["divide_by_sum"]:
        total /= sum(weights[pollutant] for pollutant in POLLUTANTS)
    return round_half_even(total, 2)


def _percentile_of(items: Mapping[str, Item | None], pollutant: str) -> Item | None:
    return next((item for key, item in items.items() if key.startswith(f"{pollutant}_p")), None)
