# SPDX-License-Identifier: Apache-2.0
"""Days are valid only with enough hours, and ozone by the windows that end at 08:00 to 24:00."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

from chengyun.city import load_city
from chengyun.packs.air_quality.daily import day_mean, ozone_day

LIMITS = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
DAY = dt.date(2020, 4, 1)


def hours(**values: int) -> dict[int, Fraction]:
    """hours(h0_23=80): the value for the clock hours of the span."""
    found = {}
    for span, value in values.items():
        first, last = map(int, span[1:].split("_"))
        found |= dict.fromkeys(range(first, last + 1), Fraction(value))
    return found


def test_a_mean_of_twenty_hours_is_valid_and_of_nineteen_is_not() -> None:
    assert day_mean(Fraction(1000), 20, DAY, LIMITS) == 50
    assert day_mean(Fraction(950), 19, DAY, LIMITS) is None


def test_a_whole_day_has_seventeen_windows() -> None:
    ozone = ozone_day(hours(h0_23=80), DAY, LIMITS)
    assert (ozone.max_8h, ozone.windows, ozone.max_1h) == (80, 17, 80)


def test_the_largest_window_is_the_afternoons() -> None:
    ozone = ozone_day(hours(h0_23=40) | hours(h11_18=160), DAY, LIMITS)
    assert ozone.max_8h == 160


def test_a_night_before_eight_counts_only_in_the_window_that_ends_at_eight() -> None:
    assert ozone_day(hours(h0_23=0) | hours(h0_0=80), DAY, LIMITS).max_8h == 10


def test_a_window_of_six_hours_is_valid_and_of_five_is_not() -> None:
    assert ozone_day(hours(h0_5=60), DAY, LIMITS).windows == 1
    assert ozone_day(hours(h0_4=60), DAY, LIMITS).windows == 0


def test_fewer_than_fourteen_windows_make_no_day() -> None:
    assert ozone_day(hours(h0_18=80), DAY, LIMITS).windows == 14
    assert ozone_day(hours(h0_18=80), DAY, LIMITS).max_8h == 80
    assert ozone_day(hours(h0_17=80), DAY, LIMITS).windows == 13
    assert ozone_day(hours(h0_17=80), DAY, LIMITS).max_8h is None


def test_a_maximum_above_the_limit_is_valid_with_fewer_windows() -> None:
    assert ozone_day(hours(h8_15=161), DAY, LIMITS).max_8h == 161
    assert ozone_day(hours(h8_15=160), DAY, LIMITS).max_8h is None


def test_no_hours_are_no_ozone() -> None:
    ozone = ozone_day({}, DAY, LIMITS)
    assert (ozone.max_8h, ozone.max_1h, ozone.windows) == (None, None, 0)
