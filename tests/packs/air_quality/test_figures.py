# SPDX-License-Identifier: Apache-2.0
"""Rows of the indicators' SQL to figures: means of stations first, real before simulated, nothing out of too little."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from chengyun.city import load_city
from chengyun.packs.air_quality.figures import air_of_days, air_of_hours, air_of_reports, assess_year, drift_from_neighbours
from chengyun.packs.air_quality.rules import POLLUTANTS

LIMITS = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
HOUR = dt.datetime(2026, 2, 28, 15, tzinfo=dt.UTC)  # 23:00 in China, the last hour of the old edition
DAY = dt.date(2020, 4, 1)


def hour(
    area: str = "330200", at: dt.datetime = HOUR, *, simulated: bool = False, stations: int = 2, **sums: str
) -> dict[str, Any]:
    """One row of area_hour_aqi.sql; sums over the stations, all of which have the pollutant."""
    row: dict[str, Any] = {"area": area, "hour_start": at}
    for name in POLLUTANTS:
        row |= {f"{name}_sum": Decimal(sums[name]) if name in sums else None, f"{name}_n": stations if name in sums else 0}
    return row | {"stations": stations, "simulated": simulated}


def station_day(station: str, *, simulated: bool = False, hours: int = 24, **means: str) -> dict[str, Any]:
    """One station's row of area_day_aqi.sql, the same value every hour."""
    row: dict[str, Any] = {"area": "330200", "day": DAY, "station": station}
    for name in POLLUTANTS:
        row |= {
            f"{name}_sum": Decimal(means[name]) * hours if name in means else None,
            f"{name}_n": hours if name in means else 0,
        }
    ozone = hours if "o3" in means else 0
    return row | {
        "o3_hours": list(range(ozone)) or None,
        "o3_values": [Decimal(means.get("o3", "0"))] * ozone or None,
        "simulated": simulated,
    }


def test_concentrations_are_averaged_before_they_are_judged() -> None:
    (figure,) = air_of_hours([hour(pm25="230")], LIMITS)  # two stations, mean 115
    assert (figure["area"], figure["aqi"], figure["level"], figure["primary"]) == ("330200", 150, "轻度污染", "PM2.5")
    assert figure["coverage"] == pytest.approx(1 / 6)


def test_an_hour_is_judged_by_the_edition_of_its_local_day() -> None:
    later = HOUR + dt.timedelta(hours=1)
    old, new = air_of_hours([hour(pm25="160"), hour(at=later, pm25="160")], LIMITS)
    assert (old["aqi"], new["aqi"]) == (107, 119)
    assert (old["exceeded"], new["exceeded"]) == ("PM2.5", None)


def test_simulated_stations_take_no_part_beside_real_ones() -> None:
    (figure,) = air_of_hours([hour(pm25="70"), hour(pm25="900", simulated=True)], LIMITS)
    assert (figure["aqi"], figure["simulated"]) == (50, False)
    (figure,) = air_of_days([station_day("A", pm25="35"), station_day("sim", pm25="400", simulated=True)], LIMITS)
    assert (figure["aqi"], figure["stations"], figure["simulated_stations"], figure["simulated"]) == (50, 1, 0, False)


def test_an_hour_without_any_value_has_no_index() -> None:
    (figure,) = air_of_hours([hour()], LIMITS)
    assert (figure["aqi"], figure["level"], figure["coverage"]) == (None, None, 0)


def test_a_day_of_an_area_is_the_mean_of_its_stations_days() -> None:
    (figure,) = air_of_days([station_day("A", pm25="30", o3="90"), station_day("B", pm25="41", o3="150", hours=20)], LIMITS)
    assert figure["exact"] == {"pm25": "71/2", "o3": "120"}
    assert figure["pm25_24h"] == 36  # 35.5, half to even
    assert (figure["aqi"], figure["primary"]) == (67, "O3")
    assert figure["stations"] == 2


def test_a_pollutant_needs_three_quarters_of_the_stations() -> None:
    whole, short = station_day("A", pm25="40"), [station_day(name, pm25="40", hours=19) for name in "BC"]
    (figure,) = air_of_days([whole, *short], LIMITS)
    assert (figure["aqi"], figure["exact"]) == (None, {})
    (figure,) = air_of_days(
        [whole, station_day("B", pm25="40"), station_day("C", pm25="40"), short[0] | {"station": "D"}], LIMITS
    )
    assert figure["pm25_24h"] == 40


def test_days_before_any_edition_have_no_figure() -> None:
    assert air_of_days([station_day("A", pm25="40") | {"day": dt.date(2012, 12, 31)}], LIMITS) == []


def test_a_report_stands_beside_what_was_published() -> None:
    means = {"pm25": "31", "pm10": "40", "so2": "11", "co": "1.1", "no2": "57"}
    row: dict[str, Any] = {"city": "宁波", "day": dt.date(2014, 2, 16), "published_aqi": 44.0, "simulated": False, "o3_8h": None}
    row |= {name: Decimal(text) for name, text in means.items()}
    (figure,) = air_of_reports([row], LIMITS)
    assert (figure["aqi"], figure["published_aqi"], figure["difference"]) == (72, 44, 28)
    assert figure["coverage"] == pytest.approx(5 / 6)


def test_a_year_is_assessed_from_the_exact_days() -> None:
    days = {"so2": "25/2", "no2": "30", "co": "4/5", "o3": "120", "pm10": "60", "pm25": "71/2"}
    row = {"area": "330200", "year": dt.date(2016, 1, 1), "days": 366, "coverage": 1.0, "simulated": False}
    row |= {name: [text] * 366 for name, text in days.items()}
    (figure,) = assess_year([row], LIMITS)
    assert figure["pm25_mean"] == 36
    assert (figure["over_limit"], figure["pm25_mean_over"]) == (1, 0.03)
    assert figure["composite_index"] == 3.79  # 12/60 + 30/40 + 0.8/4 + 120/160 + 60/70 + 36/35
    (short,) = assess_year([row | {name: [text] * 300 for name, text in days.items()}], LIMITS)
    assert (short["over_limit"], short["composite_index"]) == (None, None)


def test_a_station_is_compared_with_its_nearest_neighbours() -> None:
    def row(station: str, pm25: int, lon: float, *, hours: int = 24) -> dict[str, Any]:
        place = {"lon": lon, "lat": 29.9, "city_code": "330200", "simulated": False}
        return {"station": station, "day": DAY, "pm25_sum": Decimal(pm25) * hours, "pm25_n": hours, **place}

    rows = [row("A", 90, 121.0), row("B", 40, 121.1), row("C", 60, 121.2), row("D", 50, 121.3), row("E", 10, 121.05, hours=19)]
    figures = {figure["station"]: figure for figure in drift_from_neighbours(rows, LIMITS)}
    assert set(figures) == {"A", "B", "C", "D"}  # E has no valid day
    assert (figures["A"]["neighbours_median"], figures["A"]["apart"]) == (50, 80)
    assert drift_from_neighbours(rows[:3], LIMITS) == []


@pytest.mark.parametrize("rule", [air_of_hours, air_of_days, air_of_reports, assess_year, drift_from_neighbours])
def test_no_rows_are_no_figures(rule: Any) -> None:
    assert rule([], LIMITS) == []


def test_every_judged_row_says_whether_it_is_simulated_and_how_complete_it_is() -> None:
    near = [
        station_day(name, pm25="50") | {"lon": 121.5 + number / 100, "lat": 29.9, "city_code": "3302"}
        for number, name in enumerate("ABCDE")
    ]
    report = {"city": "宁波", "day": DAY, "published_aqi": None, "simulated": False, "o3_8h": Decimal(80)} | dict.fromkeys(
        ("so2", "no2", "co", "pm10", "pm25"), Decimal(1)
    )
    found = [
        *air_of_hours([hour(pm25="230")], LIMITS), *air_of_days(near, LIMITS), *air_of_reports([report], LIMITS),
        *drift_from_neighbours(near, LIMITS),
    ]  # fmt: skip
    assert len(found) == 1 + 1 + 1 + 5
    assert all({"coverage", "simulated"} <= row.keys() and 0 < row["coverage"] <= 1 for row in found)
