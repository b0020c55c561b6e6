# SPDX-License-Identifier: Apache-2.0
"""From hours to a day: the 24-hour means, and the daily maximum of the 8-hour means of ozone, each only when valid."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from chengyun.city import Limits
from chengyun.packs.air_quality.rules import round_half_even


@dataclass(frozen=True)
class OzoneDay:
    """The ozone of one station and local day. None is not valid.

    windows: how many of the day's 8-hour means were valid.
    """

    max_8h: Fraction | None
    max_1h: Fraction | None
    windows: int


def day_mean(total: Fraction, hours: int, day: dt.date, limits: Limits) -> Fraction | None:
    """Return the 24-hour mean from the sum and number of hourly means; None with too few hours, never an estimate.

    Standard: GB 3095-2012, table 4.
    """
    return total / hours if hours >= limits.on("validity.day", day)["min_hours"] else None


def ozone_day(hours: Mapping[int, Fraction | Decimal], day: dt.date, limits: Limits) -> OzoneDay:
    """Return the largest 8-hour mean among those that end at 08:00 to 24:00 of a local day.

    hours: clock hour of the interval's start, 0 to 23 → hourly mean; hours without a mean are absent. The 8-hour mean
        that ends at 08:00 is over the hours 0 to 7, so no window reaches into the day before.
    Standard: GB 3095-2012, 3.9 and table 4; HJ 663-2013.
    """
    terms = limits.on("validity.o3", day)
    span, least = terms["window_hours"], terms["min_hours"]
    # Sums and counts of the hours before each hour, so that a window is one difference.
    sums = list(accumulate((hours.get(hour, 0) for hour in range(24)), initial=0))
    counts = list(accumulate((hour in hours for hour in range(24)), initial=0))
    # Means of 6, 7 and 8 hours are compared as so many times a part that goes into each of them.
    parts = math.lcm(*range(least, span + 1))
    means = [
        (sums[end] - sums[end - span]) * (parts // count)
        for end in range(terms["first_end"], terms["last_end"] + 1)
        if (count := counts[end] - counts[end - span]) >= least
    ]
    largest = Fraction(max(means)) / parts if means else None
    enough = len(means) >= terms["min_windows"]
    # A day that has already exceeded the limit has exceeded it, however many windows are missing.
    exceeded = largest is not None and round_half_even(largest, 0) > terms["valid_above"]
    least_day = limits.on("validity.day", day)["min_hours"]
    max_1h = Fraction(max(hours.values())) if len(hours) >= least_day else None
    return OzoneDay(largest if enough or exceeded else None, max_1h, len(means))
