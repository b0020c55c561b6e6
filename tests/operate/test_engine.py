# SPDX-License-Identifier: Apache-2.0
"""Figures follow the observations: what was touched is computed, and the result is what computing everything gives."""

from __future__ import annotations

import copy
import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection

from chengyun.errors import Misdeclared
from chengyun.lake.services import told_of_history
from chengyun.operate import due, formulas
from chengyun.operate.engine import LOCK, evaluate
from chengyun.operate.health import indicator_status
from chengyun.operate.models import DueWindow, Figure, Formula, IndicatorRun
from chengyun.operate.order import order

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
AIR = {"so2": 10.0, "no2": 30.0, "co": 0.7, "o3": 80.0, "pm10": 60.0, "pm25": 35.0}
DAY = "air_quality.station_day_aqi"


def hours_of(station, day, values, count=24):
    start = dt.datetime.fromisoformat(day)
    return [(station, start + dt.timedelta(hours=hour), values) for hour in range(count)]


def current():
    """Everything a reader sees, without what tells one computation from another."""
    rows = Figure.objects.filter(superseded_at=None).order_by("indicator", "subject", "period_start")
    return list(rows.values("indicator", "subject", "area_code", "period_start", "value", "detail", "coverage", "simulated"))


def ran(done):
    """The air pack's indicators and local days an evaluation ran."""
    found = (one for one in done.ran if one.indicator.startswith("air_quality."))
    return {(one.indicator.split(".")[1], one.since.astimezone(ZONE).date().isoformat()) for one in found}


def with_sql(indicator, sql):
    """The city with another formula for an indicator."""
    city = copy.copy(settings.CITY)
    changed = copy.copy(city.indicators[indicator])
    object.__setattr__(changed, "sql", sql)
    object.__setattr__(changed, "version", f"test{hash(sql) & 0xFFFF:x}")
    city.indicators = {**city.indicators, indicator: changed}
    return city


def test_a_day_of_observations_becomes_figures(put):
    put(hours_of("A", "2026-03-10", AIR))
    done = evaluate(NOW)
    assert [one for one in done.ran if one.error] == []
    figure = Figure.objects.get(indicator=DAY, subject="A", superseded_at=None)
    assert figure.period_start == dt.datetime(2026, 3, 10, tzinfo=ZONE)
    assert figure.area_code == "330203001"
    assert figure.value is not None
    assert figure.as_of == {"air_quality.station_hour": 24}
    assert Figure.objects.filter(indicator="air_quality.area_day_aqi", subject="330203").count() == 1
    assert DueWindow.objects.count() == 0
    assert evaluate(NOW).ran == []


def test_late_data_runs_the_touched_windows_and_what_follows_from_them_only(put):
    for day in ("2026-03-10", "2026-03-11", "2026-04-01"):
        put(hours_of("A", day, AIR))
    evaluate(NOW)
    before = Figure.objects.count()
    put([("A", "2026-03-11T05:00", {**AIR, "pm25": 300.0})])
    done = evaluate(NOW)
    days = {day for indicator, day in ran(done) if settings.CITY.indicators[f"air_quality.{indicator}"].period in ("hour", "day")}
    months = {day for indicator, day in ran(done) if settings.CITY.indicators[f"air_quality.{indicator}"].period == "month"}
    assert days == {"2026-03-11"}
    assert months == {"2026-03-01"}
    touched = Figure.objects.filter(id__gt=0, superseded_at__isnull=False)
    assert {row.period_start.astimezone(ZONE).date().isoformat() for row in touched if row.indicator == DAY} == {"2026-03-11"}
    assert Figure.objects.count() > before


def test_the_same_data_again_changes_no_figure(put):
    put(hours_of("A", "2026-03-10", AIR))
    evaluate(NOW)
    put(hours_of("A", "2026-03-10", AIR))
    done = evaluate(NOW)
    assert done.ran != []
    assert done.changed == 0
    assert not Figure.objects.filter(superseded_at__isnull=False).exists()


def test_a_corrected_figure_keeps_its_former_version(put):
    put(hours_of("A", "2026-03-10", AIR))
    evaluate(NOW)
    old = Figure.objects.get(indicator=DAY, subject="A")
    put(hours_of("A", "2026-03-10", {**AIR, "pm25": 200.0}))
    evaluate(NOW + dt.timedelta(minutes=1))
    old.refresh_from_db()
    new = Figure.objects.get(indicator=DAY, subject="A", superseded_at=None)
    assert old.superseded_at == NOW + dt.timedelta(minutes=1)
    assert old.id < old.until_id < new.id
    assert new.value > old.value


def test_a_figure_whose_inputs_became_invalid_is_no_longer_current(put):
    put([("A", "2026-03-10T05:00", AIR)])
    evaluate(NOW)
    hours = "air_quality.station_hour_aqi"
    assert Figure.objects.get(indicator=hours).value is not None
    invalid = sum(1 << (8 + bit) for bit in range(6))
    put([("A", "2026-03-10T05:00", dict.fromkeys(AIR, 99999.0))], quality=invalid | 1)
    evaluate(NOW)
    left = Figure.objects.filter(indicator=hours, subject="A", superseded_at=None)
    assert [row.value for row in left] == [None]


@pytest.mark.parametrize("seed", range(2))
def test_step_by_step_gives_what_computing_everything_gives(put, seed):
    chance = random.Random(seed)
    hours = [
        (station, f"2026-0{month}-{day:02d}T{hour:02d}:00")
        for station in "AB"
        for month, day in ((2, 28), (3, 1))
        for hour in range(24)
    ]
    chance.shuffle(hours)
    for _ in range(3):
        some = chance.sample(hours, 40)
        put([(station, hour, {key: float(chance.randrange(0, 400)) / 2 for key in AIR}) for station, hour in some])
        if chance.random() < 0.7:
            assert [one.error for one in evaluate(NOW).ran if one.error] == []
    evaluate(NOW)
    stepwise = current()
    Figure.objects.all().delete()
    for indicator in settings.CITY.indicators:
        formulas.recompute(settings.CITY, indicator)
    evaluate(NOW)
    assert current() == stepwise
    assert len(stepwise) > 100


def test_a_formula_that_fails_is_noted_and_tried_later_and_the_others_go_on(put):
    city = with_sql(DAY, "SELECT 1 / no_such_column FROM station_hour")
    put(hours_of("A", "2026-03-10", AIR))
    failed = [one for one in evaluate(NOW, city).ran if one.error]
    assert [one.indicator for one in failed] == [DAY]
    assert "no_such_column" in IndicatorRun.objects.get(indicator=DAY).error
    [status] = [one for one in indicator_status() if one.error]
    assert (status.indicator, status.waiting, status.attempts) == (DAY, 1, 1)
    assert Figure.objects.filter(indicator="air_quality.station_hour_aqi").exists()
    assert evaluate(NOW, city).ran == []
    again = evaluate(NOW + dt.timedelta(seconds=11), settings.CITY)
    assert {one.indicator for one in again.ran if not one.error} >= {DAY}
    assert Figure.objects.filter(indicator=DAY, superseded_at=None).count() == 1
    assert DueWindow.objects.count() == 0


def test_a_row_outside_its_window_is_refused(put):
    city = with_sql(DAY, "SELECT 'A' AS station, DATE '2020-01-01' AS day, 1 AS aqi FROM station_hour LIMIT 1")
    object.__setattr__(city.indicators[DAY], "rule", None)
    put(hours_of("A", "2026-03-10", AIR))
    [failed] = [one for one in evaluate(NOW, city).ran if one.error]
    assert "lies outside the window" in failed.error


def test_a_new_formula_computes_everything_it_can_say(put):
    put(hours_of("A", "2026-03-10", AIR))
    evaluate(NOW)
    city = with_sql("air_quality.pm25_daily", settings.CITY.indicators["air_quality.pm25_daily"].sql + " -- anew")
    done = evaluate(NOW, city)
    assert ran(done) >= {("pm25_daily", "2026-03-10")}
    figure = Figure.objects.get(indicator="air_quality.pm25_daily", subject="A", superseded_at=None)
    assert figure.version == city.indicators["air_quality.pm25_daily"].version
    assert Formula.objects.filter(indicator="air_quality.pm25_daily").count() == 2


def test_a_touch_while_a_window_is_computed_is_not_lost(put):
    put(hours_of("A", "2026-03-10", AIR))
    due.take_touched(settings.CITY, dt.date(2026, 12, 31))
    [window] = due.due(NOW, DAY)
    due.add([(DAY, window.start)])
    due.done(DAY, [window])
    assert len(due.due(NOW, DAY)) == 1


def test_the_long_past_waits_until_its_history_is_loaded(put):
    today = dt.datetime.now(dt.UTC).date()
    put(hours_of("A", "2026-03-10", AIR))
    with told_of_history("air_quality.station_hour"):
        put(hours_of("A", f"{today - dt.timedelta(days=1)}", AIR))
        due.take_touched(settings.CITY, dt.date(2026, 12, 31))
        assert [window.start for window in due.due(NOW + dt.timedelta(days=365), DAY)] == [today - dt.timedelta(days=1)]
    due.take_touched(settings.CITY, dt.date(2026, 12, 31))
    assert dt.date(2026, 3, 10) in [window.start for window in due.due(NOW + dt.timedelta(days=365), DAY)]


def test_a_second_evaluation_leaves_the_first_alone(put):
    import psycopg

    from chengyun.lake import database

    with psycopg.connect(database.url()) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert evaluate(NOW).busy
        # Closing the connection would free it, too, but only once the server has noticed.
        other.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert not evaluate(NOW).busy


def test_indicators_that_go_round_in_a_circle_are_named():
    assert order({"a": ["b"], "b": ["c"], "c": []}) == ["c", "b", "a"]
    with pytest.raises(Misdeclared, match=r"a uses b uses c uses a|b uses c uses a uses b|c uses a uses b uses c"):
        order({"a": ["b"], "b": ["c"], "c": ["a"]})


def test_with_little_time_the_newest_windows_come_first_and_the_rest_stays_due(put):
    for day in ("2025-11-10", "2026-01-10", "2026-03-10"):
        put(hours_of("A", day, AIR))
    first = evaluate(NOW, within=dt.timedelta(0))
    assert {day for _, day in ran(first)} == {"2026-03-10"}
    # What reads the same rows of the same day goes together; everything else waits.
    assert len(first.ran) == len({one.indicator for one in first.ran})
    assert all(DueWindow.objects.filter(indicator=one.indicator).count() == 2 for one in first.ran)
    evaluate(NOW)
    assert Figure.objects.filter(indicator=DAY, superseded_at=None).count() == 3
    assert DueWindow.objects.count() == 0
