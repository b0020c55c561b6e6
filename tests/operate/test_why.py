# SPDX-License-Identifier: Apache-2.0
"""Why a figure: the same again bit for bit from the inputs of then, whatever has come in since."""

from __future__ import annotations

import copy
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.errors import NotFound
from chengyun.operate.commands import _lines
from chengyun.operate.engine import evaluate
from chengyun.operate.models import Figure
from chengyun.operate.queries import figure_calendar, figure_series, find_figure, get_figure, newest_figures, ranking
from chengyun.operate.why import _downwards, explain

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
AIR = {"so2": 10.3, "no2": 30.1, "co": 0.7, "o3": 80.0, "pm10": 60.0, "pm25": 35.1}
DAY = "air_quality.area_day_aqi"
YEAR = "air_quality.good_air_year"


def hours_of(station, day, values, count=24):
    start = dt.datetime.fromisoformat(day)
    return [(station, start + dt.timedelta(hours=hour), values) for hour in range(count)]


@pytest.fixture
def figures(put):
    for station, day in (("A", "2026-03-10"), ("B", "2026-03-10"), ("A", "2026-03-11")):
        put(hours_of(station, day, AIR))
    evaluate(NOW)
    return put


def test_every_figure_comes_out_again_bit_for_bit(figures):
    ids = list(Figure.objects.order_by("indicator", "id").distinct("indicator").values_list("id", flat=True))
    assert len(ids) >= 12
    for ident in ids:
        why = explain(ident, SYSTEM, NOW)
        assert (why.again.done, why.again.equal, why.again.error) == (True, True, ""), why.figure.indicator


def test_a_former_figure_comes_out_again_after_corrections(figures):
    old = {key: find_figure(key, "330203", dt.date(2026, 3, 10), SYSTEM).id for key in (DAY, YEAR)}
    figures(hours_of("A", "2026-03-10", {**AIR, "pm25": 250.0}))
    evaluate(NOW)
    for key, ident in old.items():
        why = explain(ident, SYSTEM, NOW)
        assert why.again.equal, key
        assert why.replaced_by == find_figure(key, "330203", dt.date(2026, 3, 10), SYSTEM).id
        new = explain(why.replaced_by, SYSTEM, NOW)
        assert new.again.equal
        assert new.again.value != why.again.value


def test_a_why_shows_formula_parameters_inputs_and_the_chain(figures):
    year = explain(find_figure(YEAR, "330203", dt.date(2026, 3, 10), SYSTEM).id, SYSTEM, NOW)
    assert [(one.name, one.value) for one in year.parameters] == [("good_upto", "100")]
    assert [(link.indicator, link.depth) for link in year.downwards] == [(DAY, 1), (DAY, 1)]
    day = explain(year.downwards[0].figure, SYSTEM, NOW)
    assert "SELECT" in day.formula["sql"]
    assert day.formula["rule"]["key"] == "air_of_days"
    [rows] = day.inputs
    assert (rows.stream, rows.total, rows.as_of, rows.hidden) == ("air_quality.station_hour", 24, 72, False)
    assert {row["station"] for row in rows.rows} == {"A"}
    assert rows.rows[0]["pm25"] == 35.1
    text = "\n".join(_lines(day))
    assert "equal bit for bit" in text


def test_another_formula_since_is_said_and_what_it_gives_is_labelled(figures, monkeypatch):
    ident = find_figure(YEAR, "330203", dt.date(2026, 3, 10), SYSTEM).id
    changed = copy.copy(settings.CITY.indicators[YEAR])
    object.__setattr__(changed, "version", "another")
    object.__setattr__(changed, "sql", changed.sql.replace("100.0 *", "50.0 *"))
    monkeypatch.setitem(settings.CITY.indicators, YEAR, changed)
    why = explain(ident, SYSTEM, NOW)
    assert why.formula_changed
    assert (why.again.version, why.again.equal, why.again.value) == ("another", False, 50.0)
    assert "100.0 *" in why.formula["sql"]
    assert "another version of the formula" in "\n".join(_lines(why))


def test_what_a_reader_may_not_see_is_not_found_or_hidden(figures, monkeypatch):
    from chengyun.access import rulebook
    from chengyun.operate import why as module

    ident = find_figure(DAY, "330203", dt.date(2026, 3, 10), SYSTEM).id
    assert explain(ident, ANONYMOUS, NOW).again.equal
    assert rulebook is not None
    closed = module.scope(ANONYMOUS, "no.such_dataset")
    monkeypatch.setattr(module, "scope", lambda actor, dataset, purpose=None: closed)
    hidden = explain(ident, ANONYMOUS, NOW)
    assert [(one.hidden, one.rows, one.total) for one in hidden.inputs] == [(True, (), 0)]
    with pytest.raises(NotFound):
        explain(0, SYSTEM, NOW)


def test_status_says_what_a_figure_is_worth_now(figures):
    at = {
        dt.datetime(2026, 3, 11, 12, tzinfo=ZONE): "partial",
        dt.datetime(2026, 3, 12, 12, tzinfo=ZONE): "fresh",
        dt.datetime(2026, 3, 13, 12, tzinfo=ZONE): "stale",
    }
    for now, status in at.items():
        assert newest_figures([DAY], ["330203"], SYSTEM, now)[DAY, "330203"].status == status


def test_a_figure_that_is_not_there_is_missing_and_not_zero(figures):
    found = newest_figures([DAY, YEAR], ["330203", "330299"], SYSTEM, NOW)
    assert set(found) == {(key, subject) for key in (DAY, YEAR) for subject in ("330203", "330299")}
    gone = found[DAY, "330299"]
    assert (gone.status, gone.value, gone.id, gone.subject) == ("missing", None, None, "330299")


def test_series_calendar_and_ranking(figures):
    series = figure_series(DAY, "330203", dt.datetime(2026, 3, 1, tzinfo=ZONE), dt.datetime(2026, 4, 1, tzinfo=ZONE), SYSTEM)
    assert [one.period_start.astimezone(ZONE).day for one in series] == [10, 11]
    year = figure_calendar(DAY, "330203", 2026, SYSTEM)
    assert (len(year), sum(one.value is not None for one in year)) == (365, 2)
    assert year[68].day == dt.date(2026, 3, 10)
    assert year[68].band is not None
    figures(hours_of("B", "2026-03-11", {**AIR, "pm25": 250.0}))
    evaluate(NOW)
    assert [one.subject for one in ranking(DAY, SYSTEM, level=6)] == ["330212", "330203"]
    assert get_figure(series[0].id, ANONYMOUS).value == series[0].value


def test_the_way_down_asks_once_for_each_level(figures):
    row = Figure.objects.get(pk=find_figure(YEAR, "330203", dt.date(2026, 3, 10), SYSTEM).id)
    with CaptureQueriesContext(connection) as asked:
        links = _downwards(settings.CITY, row, SYSTEM)
    assert {link.depth for link in links} == {1}
    assert len([it for it in asked.captured_queries if '"operate_figure"' in it["sql"]]) == 1


def test_of_many_rows_the_first_are_shown_and_all_are_counted(figures, monkeypatch):
    from chengyun.operate import why as module

    monkeypatch.setattr(module, "TOP", 5)
    [rows] = explain(find_figure(DAY, "330203", dt.date(2026, 3, 10), SYSTEM).id, SYSTEM, NOW).inputs
    assert (len(rows.rows), rows.shown, rows.total, rows.hidden) == (5, 5, 24, False)
    assert "area_code" not in rows.columns
