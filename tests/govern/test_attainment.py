# SPDX-License-Identifier: Apache-2.0
"""Where a target stands follows from dated values alone."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengyun.govern.attainment import FEWEST, Aim, forecast, meets, standing

TODAY = dt.date(2019, 6, 30)


def aim(
    comparator: str = ">=", low: float | None = 100, high: float | None = None, by: int | None = 2020, kind: str = "target"
) -> Aim:
    return Aim(kind, comparator, low, low if high is None else high, dt.date(by, 12, 31) if by else None)


def years(*values: float, first: int = 2015) -> list[tuple[dt.date, float]]:
    return [(dt.date(first + number, 12, 31), value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("comparator", "low", "high", "value", "met"),
    [
        (">=", 100, 100, 100, True), (">=", 100, 100, 99.9, False), (">", 100, 100, 100, False), ("<=", 5, 5, 5, True),
        ("<", 5, 5, 5, False), ("=", 3, 5, 4, True), ("=", 3, 5, 2, False), ("~", 100, 100, 96, True), ("~", 100, 100, 94, False),
        (">=", 3, 5, 3, True), ("<=", 3, 5, 5, True),
    ],
)  # fmt: skip
def test_a_relation_reads_as_it_is_printed(comparator: str, low: float, high: float, value: float, met: bool) -> None:
    assert meets(aim(comparator, low, high), value) is met


@pytest.mark.parametrize(
    ("given", "values", "today", "state"),
    [
        (aim(kind="rule"), years(1), TODAY, "rule"),
        (aim(low=None), [], TODAY, "no_number"),
        (aim(), [], TODAY, "no_data"),
        (aim(), years(40, 60, 80, 105), TODAY, "met"),
        (aim(), years(10, 20), TODAY, "open"),
        (aim(by=None), years(10, 20, 30, 40), TODAY, "open"),
        (aim(), years(60, 70, 80, 90), TODAY, "likely"),
        (aim(), years(10, 11, 12, 13), TODAY, "unlikely"),
        (aim(), years(40, 80, 45, 90), TODAY, "open"),
        (aim(), years(60, 70, 80, 85, 88, 92), dt.date(2021, 3, 1), "missed"),
        (aim(), years(60, 70), dt.date(2021, 3, 1), "open"),
        (aim(), years(60, 70, 80, 85, 88, 92, 120), dt.date(2022, 3, 1), "missed"),
    ],
)
def test_a_state_is_a_fact_or_says_that_it_is_none(given: Aim, values: list, today: dt.date, state: str) -> None:
    assert standing(given, values, today).state == state


def test_a_later_word_about_a_day_counts() -> None:
    day = dt.date(2018, 12, 31)
    assert standing(aim(), [(day, 20), (day, 101)], TODAY).state == "met"


def test_fewer_than_four_values_give_no_forecast() -> None:
    assert forecast(years(*range(FEWEST - 1)), dt.date(2020, 12, 31)) is None
    assert forecast([(TODAY, 1.0)] * 5, dt.date(2020, 12, 31)) is None


def test_intervals_cover_as_often_as_they_say() -> None:
    dice = np.random.default_rng(20261122)
    held = 0
    for _ in range(2_000):
        slope, noise = dice.normal(0, 4), dice.normal(0, 3, 7)
        line = years(*(slope * number + noise[number] for number in range(6)))
        found = forecast(line, dt.date(2021, 12, 31))
        assert found is not None
        held += found.low <= slope * 6 + noise[6] <= found.high
    assert 0.88 < held / 2_000 < 0.92


@given(st.lists(st.floats(-1e6, 1e6), min_size=FEWEST, max_size=12))
def test_a_straight_line_goes_on_straight(values: list[float]) -> None:
    found = forecast(years(*values), dt.date(2030, 12, 31))
    assert found is not None
    assert found.low <= found.value <= found.high
