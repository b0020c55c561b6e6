# SPDX-License-Identifier: Apache-2.0
"""Indices as figures: computed with their parts, explained, taken apart, compared; and many indicators at a time."""

from __future__ import annotations

import copy
import datetime as dt
import random
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from chengyun.access.actors import ANONYMOUS, SYSTEM
from chengyun.access.policy import scope
from chengyun.city.sqlfile import read_indicator
from chengyun.operate import engine, formulas
from chengyun.operate.engine import evaluate
from chengyun.operate.indices import comparing
from chengyun.operate.indices.comparing import compare, versions
from chengyun.operate.indices.reading import read_index
from chengyun.operate.merging import joined
from chengyun.operate.models import DueWindow, Figure
from chengyun.operate.queries import find_figure
from chengyun.operate.why import explain
from chengyun.web.indices.drawing import course

ZONE = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 4, 1, 4, tzinfo=dt.UTC)
DISTRICTS = ("330203", "330205", "330206", "330211", "330212")
AIR_DAY, AIR_MONTH = "city_evaluation.air_day", "city_evaluation.air_month"
HOURLY = "air_quality.station_hour_aqi"


def whole_days(days, stations=DISTRICTS):
    return [(station, f"{day}T{hour:02d}:00") for day in days for station in stations for hour in range(24)]


def current():
    """Everything a reader sees, without what tells one computation from another."""
    rows = Figure.objects.filter(superseded_at=None).order_by("indicator", "subject", "period_start")
    return list(rows.values("indicator", "subject", "area_code", "period_start", "value", "detail", "coverage", "simulated"))


def at(day):
    return dt.datetime.fromisoformat(day).replace(tzinfo=ZONE)


@pytest.fixture
def days(put):
    """Three days of five districts, evaluated."""
    put(whole_days(("2026-03-10", "2026-03-11", "2026-03-12")), random.Random(1))
    assert [one.error for one in evaluate(NOW).ran if one.error] == []
    return put


def test_an_index_is_a_figure_with_its_parts_its_change_and_its_league(days, client):
    read = read_index(AIR_DAY, "330203", at("2026-03-11"), SYSTEM)
    assert read.figure.value is not None
    assert read.figure.coverage == 1.0
    assert read.reason == ""
    parts = {part.key: part for one in read.dimensions for part in one.parts}
    assert set(parts) == {"pm25", "worst_hour", "o3", "no2"}
    assert sum(part.weight for part in parts.values()) == pytest.approx(1)
    # A geometric mean of the stored scores and weights is the stored value.
    product = 1.0
    for part in parts.values():
        product *= max(part.score, 1.0) ** part.weight
    assert read.figure.value == pytest.approx(product)
    hours = Figure.objects.filter(indicator="air_quality.area_hour_aqi", subject="330203", superseded_at=None)
    worst = max(row.value for row in hours if row.period_start.astimezone(ZONE).date() == dt.date(2026, 3, 11))
    assert parts["worst_hour"].value == worst
    assert read.before.period_start == at("2026-03-10")
    printed = [Decimal(repr(one.value)).quantize(Decimal("0.1")) for one in (read.before, read.figure)]
    assert sum(one.share for one in read.moved) == read.change == printed[1] - printed[0]
    assert [one.rank for one in read.league] == sorted(one.rank for one in read.league)
    assert {one.subject for one in read.league} == set(DISTRICTS)
    assert all(one.low <= one.rank <= one.high for one in read.league)
    assert set(read.league[0].ranks) == {"min_max", "z_score", "percentile", "arithmetic"}
    # Everything above is explained like any other figure: the same bits again, and the chain down to the hours.
    why = explain(read.figure.pk, ANONYMOUS, NOW)
    assert (why.again.done, why.again.equal, why.again.error) == (True, True, "")
    assert {link.indicator for link in why.downwards} == {"air_quality.area_hour_aqi"}
    page = client.get("/indices")
    assert page.status_code == 200
    assert "空气环境指数" in page.content.decode()
    shown = client.get(f"/indices/{AIR_DAY}?area=330203&at=2026-03-11").content.decode()
    assert shown.count("index-bar") >= 4 + 4 + 5
    assert f"<strong>{float(read.change):+.1f}</strong>" in shown
    assert client.get(f"/indices/{AIR_DAY}?area=330299").status_code == 200
    assert client.get("/indices/city_evaluation.nothing").status_code == 404
    assert client.get(f"/indices/{AIR_DAY}?at=yesterday").status_code == 400


def test_areas_are_compared_with_enough_of_their_level_or_not_at_all(days):
    district = read_index(AIR_MONTH, "330203", None, SYSTEM)
    assert district.figure.value is not None
    city = read_index(AIR_MONTH, "330200", None, SYSTEM)
    assert (city.figure.value, city.reason) == (None, "few_peers")
    # Distances to a goal compare with nobody: the city alone has an index of the day.
    assert read_index(AIR_DAY, "330200", None, SYSTEM).figure.value is not None


def test_a_part_that_is_missing_is_shared_out_and_said_and_never_counted_as_zero(days):
    city = copy.copy(settings.CITY)
    declared = copy.copy(city.indicators[AIR_DAY])
    object.__setattr__(
        declared, "sql", declared.sql.replace("WHERE g.value IS NOT NULL", "WHERE g.value IS NOT NULL AND g.part <> 'o3'")
    )
    object.__setattr__(declared, "version", "without_ozone")
    city.indicators = {**city.indicators, AIR_DAY: declared}
    evaluate(NOW, city)
    read = read_index(AIR_DAY, "330203", at("2026-03-11"), SYSTEM)
    ozone = next(part for one in read.dimensions for part in one.parts if part.key == "o3")
    assert (ozone.value, ozone.score, ozone.weight, ozone.missing) == (None, None, 0.0, True)
    # AHP gave ozone its share; what is left is the coverage, and the other weights are raised to one.
    assert 0.6 < read.figure.coverage < 0.8
    assert sum(part.weight for one in read.dimensions for part in one.parts) == pytest.approx(1)
    [first, second] = versions(AIR_DAY, "330203", at("2026-03-11"), at("2026-03-12"), SYSTEM).versions
    assert (first.current, second.version) == (True, "without_ozone")


def test_versions_of_one_formula_stand_side_by_side(days, tmp_path, monkeypatch):
    written = (settings.CITY.packs["air_quality"].folder / "indicators/pm25_daily.sql").read_text()
    file = tmp_path / "air_quality" / "indicators" / "pm25_median.sql"
    file.parent.mkdir(parents=True)
    file.write_text(
        written.replace("-- parameter:", "-- version of: pm25_daily\n-- parameter:")
        .replace("CAST(SUM(CAST(h.pm25 AS DECIMAL(14, 4))) AS DOUBLE) / COUNT(h.pm25)", "MEDIAN(h.pm25)")
    )  # fmt: skip
    city = copy.copy(settings.CITY)
    city.indicators = {**city.indicators, "air_quality.pm25_median": read_indicator(file, {})}
    evaluate(NOW, city)
    monkeypatch.setattr(settings, "CITY", city)
    # The rulebook is read once, and knows the city as it was then.
    monkeypatch.setattr(comparing, "scope", lambda actor, _: scope(actor, "air_quality.pm25_daily"))
    found = versions("air_quality.pm25_daily", "330203", at("2026-03-10"), at("2026-03-13"), SYSTEM)
    assert [(one.key, one.current) for one in found.versions] == [
        ("air_quality.pm25_daily", True),
        ("air_quality.pm25_median", True),
    ]
    assert [start for start, _ in found.rows] == [at("2026-03-10"), at("2026-03-11"), at("2026-03-12")]
    assert all(None not in values and values[0] != values[1] for _, values in found.rows), found.rows


def test_a_figure_is_compared_with_before_a_year_ago_and_its_peers(days):
    days(whole_days(("2025-03-12",)), random.Random(9))
    evaluate(NOW)
    found = compare("air_quality.area_day_aqi", "330203", at("2026-03-12"), SYSTEM)
    own = find_figure("air_quality.area_day_aqi", "330203", dt.date(2026, 3, 12), SYSTEM).value
    assert found.before.value + found.before.change == own
    assert found.before.period_start == at("2026-03-11")
    assert found.year.period_start == at("2025-03-12")
    assert (found.of, 1 <= found.rank <= 5) == (5, True)
    assert (found.goal.value, found.goal.reached) == (100.0, own <= 100)
    assert compare("air_quality.area_day_aqi", "330203", at("2026-03-13"), SYSTEM).before is None


@pytest.mark.parametrize("seed", range(2))
def test_hour_by_hour_in_groups_gives_what_computing_everything_alone_gives(put, seed, monkeypatch):
    """Random histories with late hours and corrections: narrowed to new hours on the way; whole and one by one at the end."""
    chance = random.Random(seed)
    hours = whole_days(("2026-02-28", "2026-03-01"), DISTRICTS[:3])
    chance.shuffle(hours)
    for step in range(5):
        put(chance.sample(hours[: 30 * (step + 1)], min(20, 10 + step)), chance)
        if chance.random() < 0.8:
            done = evaluate(NOW)
            assert [one.error for one in done.ran if one.error] == []
    evaluate(NOW)
    put([hours[0]], chance)
    [last] = [one for one in evaluate(NOW).ran if one.indicator == HOURLY]
    assert last.until - last.since == dt.timedelta(hours=1)
    assert DueWindow.objects.count() == 0
    stepwise = current()
    Figure.objects.all().delete()
    for indicator in settings.CITY.indicators:
        formulas.recompute(settings.CITY, indicator)
    # Each alone: no formula is put together with another one.
    monkeypatch.setattr("chengyun.operate.compute.joined", lambda formulas: [([place], None) for place in range(len(formulas))])
    monkeypatch.setattr(engine.grouping, "MOST_SHORT", 1)
    evaluate(NOW)
    assert current() == stepwise
    assert len(stepwise) > 50


def test_formulas_that_differ_in_what_they_select_are_one_query():
    one = "SELECT a, day, SUM(x) AS v, COUNT(*) AS n FROM t WHERE time >= $since GROUP BY a, day ORDER BY day"
    two = "SELECT a, day, MAX(y) AS v FROM t WHERE time >= $since GROUP BY a, day ORDER BY day"
    other = "SELECT a, day, MAX(y) AS v FROM t WHERE time > $since GROUP BY a, day ORDER BY day"
    star = "SELECT * FROM t"
    [(alone, none), (both, query), (last, also_none)] = joined([one, star, two, other])
    assert (alone, none, both, last, also_none) == ([1], None, [0, 2], [3], None)
    assert query.members == (((0, "a"), (1, "day"), (2, "v"), (3, "n")), ((0, "a"), (1, "day"), (4, "v")))
    assert query.sql.count("FROM t") == 1


def test_a_course_says_its_own_lowest_and_highest_value() -> None:
    drawn = course([99.0, None, 100.0, 97.5], ["a", "b", "c", "d"])
    assert drawn is not None
    assert (drawn.low, drawn.high) == (97.5, 100.0), "an index of at most 100 is not said to have been higher"
    assert all(0 < y < 40 for _x, y, _said in drawn.dots)
