# SPDX-License-Identifier: Apache-2.0
"""Formulas that read days before their own: what a day moves is computed again, and comes out again as it was."""

from __future__ import annotations

import copy
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import override_settings

from chengyun.access.actors import SYSTEM
from chengyun.city import City
from chengyun.operate.engine import evaluate
from chengyun.operate.models import Figure
from chengyun.operate.periods import moved_windows
from chengyun.operate.why import explain

from .conftest import hours_of

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 3, 20, 4, tzinfo=dt.UTC)
ROWS, FIGURES = "air_quality.station_stuck_hours", "air_quality.station_health"
HIGHEST = """
WITH days AS (
    SELECT station, CAST(hour_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, AVG(pm25) AS mean
    FROM station_hour WHERE hour_start >= $earliest AND hour_start < $until GROUP BY ALL
), highest AS (
    SELECT station, day, MAX(mean) OVER (
        PARTITION BY station ORDER BY day RANGE BETWEEN INTERVAL 2 DAY PRECEDING AND CURRENT ROW) AS stuck_hours
    FROM days
)
SELECT station, day, stuck_hours FROM highest WHERE day >= CAST($since AT TIME ZONE 'Asia/Shanghai' AS DATE)
"""
SUMS = """
WITH sums AS (
    SELECT subject AS station, CAST(period_start AT TIME ZONE 'Asia/Shanghai' AS DATE) AS day, SUM(value) OVER (
        PARTITION BY subject ORDER BY period_start RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) AS valid_percent
    FROM figure_station_stuck_hours
)
SELECT station, day, valid_percent FROM sums WHERE day >= CAST($since AT TIME ZONE 'Asia/Shanghai' AS DATE)
"""


@pytest.fixture
def city() -> City:
    """The city with two formulas that look back: one on rows, one on the figures of the other."""
    found = copy.copy(settings.CITY)
    changed = {
        ROWS: {"sql": HIGHEST, "looks_back": 2, "apart": frozenset({"subject"})},
        FIGURES: {"sql": SUMS, "looks_back": 1, "streams": (), "uses": ("station_stuck_hours",), "apart": frozenset()},
    }
    found.indicators = dict(found.indicators)
    for key, news in changed.items():
        one = found.indicators[key] = copy.copy(found.indicators[key])
        for name, value in {**news, "columns": {}, "parameters": {}, "version": "test"}.items():
            object.__setattr__(one, name, value)
        assert list(one.faults()) == []
    return found


def values(indicator: str) -> list[float | None]:
    return list(
        Figure.objects.filter(indicator=indicator, superseded_at=None).order_by("period_start").values_list("value", flat=True)
    )


def days_run(done, indicator: str) -> set[int]:
    ran = [one for one in done.ran if one.indicator == indicator]
    assert [one.error for one in ran if one.error] == []
    return {day for one in ran for day in range(one.since.astimezone(ZONE).day, one.until.astimezone(ZONE).day)}


def test_a_day_that_changes_moves_the_days_that_look_back_on_it(put, city) -> None:
    for day, pm25 in ((10, 10.0), (11, 50.0), (12, 20.0), (13, 20.0), (14, 20.0)):
        put(hours_of("A", f"2026-03-{day}", {"pm25": pm25}))
    with override_settings(CITY=city):
        evaluate(NOW, city)
        assert values(ROWS) == [10.0, 50.0, 50.0, 50.0, 20.0]
        assert values(FIGURES) == [10.0, 60.0, 100.0, 100.0, 70.0]
        before = dict(Figure.objects.filter(indicator__in=(ROWS, FIGURES)).values_list("id", "value"))

        put([("A", f"2026-03-11T{hour:02}:00", {"pm25": 5.0}) for hour in range(24)])
        done = evaluate(NOW, city)
        assert days_run(done, ROWS) == {11, 12, 13}
        assert days_run(done, FIGURES) == {11, 12, 13, 14}
        assert values(ROWS) == [10.0, 10.0, 20.0, 20.0, 20.0]
        assert values(FIGURES) == [10.0, 20.0, 30.0, 40.0, 40.0]
        # Each as it was known then, and as it is known now, from the rows and figures of then and now.
        for one in Figure.objects.filter(indicator__in=(ROWS, FIGURES)):
            why = explain(one.pk, SYSTEM, NOW)
            assert (why.again.error, why.again.equal) == ("", True), (one.indicator, one.period_start)
            assert one.pk not in before or one.value == before[one.pk]
        newest = Figure.objects.get(indicator=FIGURES, superseded_at=None, period_start=dt.datetime(2026, 3, 14, tzinfo=ZONE))
        cited = [link for link in explain(newest.pk, SYSTEM, NOW).downwards if link.depth == 1]
        assert [link.period_start.astimezone(ZONE).day for link in cited] == [13, 14]


def test_what_looks_back_waits_for_the_days_it_looks_back_on(put, city) -> None:
    # Two months of history come at once: figures are made newest first, a month at a time.
    put([row for day in (20, 25, 28) for row in hours_of("A", f"2026-02-{day}", {"pm25": float(day)})])
    put([row for day in (1, 2) for row in hours_of("A", f"2026-03-{day:02}", {"pm25": float(day)})])
    with override_settings(CITY=city):
        evaluate(NOW, city)
        assert Figure.objects.filter(indicator=FIGURES).exclude(superseded_at=None).count() == 0
        assert values(FIGURES) == [20.0, 25.0, 28.0, 56.0, 56.0]


def test_windows_a_day_moves_end_today() -> None:
    day, today = dt.date(2026, 3, 10), dt.date(2026, 3, 11)
    assert moved_windows("day", 5, day, today) == {day, today}
    assert moved_windows("day", 0, day, today) == {day}
    assert moved_windows("month", 30, day, dt.date(2026, 12, 31)) == {dt.date(2026, 3, 1), dt.date(2026, 4, 1)}
    # What is dated later than today, by a clock that is wrong, moves its own day alone.
    assert moved_windows("day", 5, today, day) == {today}


def test_to_look_back_and_to_be_apart_is_refused() -> None:
    one = copy.copy(settings.CITY.indicators[ROWS])
    object.__setattr__(one, "looks_back", 3)
    object.__setattr__(one, "apart", frozenset({"period"}))
    assert any("looks back" in fault for fault in one.faults())
