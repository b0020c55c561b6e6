# SPDX-License-Identifier: Apache-2.0
"""Months and years by HJ 663: percentiles, validity, limits of the right edition, and the composite index."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from chengyun.city import load_city
from chengyun.packs.air_quality.assessment import assess, composite_index, enough_days, percentile

LIMITS = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
Y2016, Y2026, Y2031 = (dt.date(year, 1, 1) for year in (2016, 2026, 2031))


def even_year(days: int, **values: str) -> dict[str, list[Fraction]]:
    return {key: [Fraction(value)] * days for key, value in values.items()}


YEAR = {"so2": "12", "no2": "40", "co": "1.2", "o3": "160", "pm10": "65", "pm25": "32"}


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        (range(10, 101, 10), 90, "91"),
        (range(10, 101, 10), 95, "95.5"),
        (range(1, 366), 98, "357.72"),
        (range(1, 366), 100, "365"),
        ([7], 90, "7"),
    ],
)
def test_a_percentile_lies_between_the_two_nearest_days(values: range | list[int], percent: int, expected: str) -> None:
    assert percentile([Fraction(value) for value in reversed(list(values))], percent) == Fraction(expected)


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 90)


@pytest.mark.parametrize(
    ("first", "span", "least"), [(Y2016, "year", 324), (dt.date(2016, 3, 1), "month", 27), (dt.date(2016, 2, 1), "month", 25)]
)
def test_a_span_needs_its_days(first: dt.date, span: str, least: int) -> None:
    assert enough_days(least, first, span, LIMITS)  # type: ignore[arg-type]
    assert not enough_days(least - 1, first, span, LIMITS)  # type: ignore[arg-type]


def test_a_year_too_short_has_no_assessment() -> None:
    items = assess(even_year(323, **YEAR), Y2016, "year", LIMITS)
    assert set(items.values()) == {None}
    assert composite_index(items, Y2016, "year", LIMITS) is None


def test_the_same_year_is_met_by_one_edition_and_missed_by_the_next() -> None:
    old, new, last = (assess(even_year(330, **YEAR), first, "year", LIMITS) for first in (Y2016, Y2026, Y2031))
    assert [key for key, item in old.items() if item and not item.met] == []
    assert [key for key, item in new.items() if item and not item.met] == ["pm10_mean", "pm25_mean"]
    assert [key for key, item in last.items() if item and not item.met] == ["no2_mean", "pm10_mean", "pm25_mean"]
    assert new["pm25_mean"] is not None
    assert new["pm25_mean"].over == Fraction(2, 30)


def test_the_composite_index_weighs_by_edition() -> None:
    year = even_year(330, so2="60", no2="40", co="4", o3="160", pm10="70", pm25="35")
    assert composite_index(assess(year, Y2016, "year", LIMITS), Y2016, "year", LIMITS) == 6
    year = even_year(330, so2="60", no2="40", co="4", o3="160", pm10="60", pm25="30")
    assert composite_index(assess(year, Y2026, "year", LIMITS), Y2026, "year", LIMITS) == 10
