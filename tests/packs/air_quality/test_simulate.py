# SPDX-License-Identifier: Apache-2.0
"""The simulated air: the same for the same arguments, plausible, and with its truth known beforehand."""

from __future__ import annotations

import datetime as dt
import random
import statistics

from chengyun.city import SimulatedArea, load_city
from chengyun.packs.air_quality.simulate import MEAN, STATIONS, episode, observe, register

CITY = load_city(["chengyun.packs.air_quality"])
CODES = ("330203", "330205", "330206", "330211", "330212", "330213", "330225", "330226", "330281", "330282")
AREAS = [SimulatedArea(code, f"{code}区", tuple((121.0 + n / 10, 29.0 + n / 10) for n in range(5))) for code in CODES]
START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def test_stations_stand_inside_every_district() -> None:
    stations = list(register(AREAS, random.Random(1)))
    assert len(stations) == STATIONS == len({station.key for station in stations})
    assert {station.values["area_code"] for station in stations} == set(CODES)
    assert all(station.values["simulated"] for station in stations)
    assert [station.key for station in stations] == [station.key for station in register(AREAS, random.Random(1))]


def test_a_city_with_one_small_district_has_as_many_stations_as_places() -> None:
    assert len(list(register([SimulatedArea("330203", "海曙区", ((121.5, 29.8),))], random.Random(1)))) == 1


def test_the_same_moment_always_has_the_same_air() -> None:
    moments = [START + n * HOUR for n in range(6)]
    first = [observe("station_hour", "sim-330203-1", moment, 7) for moment in moments]
    assert first == [observe("station_hour", "sim-330203-1", moment, 7) for moment in reversed(moments)][::-1]
    assert first != [observe("station_hour", "sim-330203-1", moment, 8) for moment in moments]


def test_an_hour_is_the_mean_of_its_five_minutes() -> None:
    hour = observe("station_hour", "sim-330203-1", START, 1)
    parts = [observe("station_5min", "sim-330203-1", START + n * dt.timedelta(minutes=5), 1) for n in range(12)]
    assert hour is not None
    assert hour == {name: round(statistics.fmean(part[name] for part in parts if part), 3) for name in MEAN}


def test_every_value_is_one_the_stream_takes() -> None:
    ranges = {quantity.key: quantity.valid for quantity in CITY.streams["air_quality.station_5min"].quantities}
    for n in range(0, 24 * 60, 35):
        values = observe("station_5min", "sim-330206-2", START + n * dt.timedelta(minutes=5), 3) or {}
        assert all(ranges[key][0] <= value <= ranges[key][1] for key, value in values.items())


def test_some_hours_are_missing_and_few() -> None:
    hours = [observe("station_hour", f"sim-330203-{n}", START + hour * HOUR, 1) for n in range(8) for hour in range(200)]
    assert 0 < hours.count(None) < len(hours) * 0.02


def test_ozone_peaks_in_the_afternoon_and_stations_breathe_alike() -> None:
    def series(key: str, name: str) -> list[float]:
        return [values[name] if (values := observe("station_hour", key, START + n * HOUR, 1)) else 0.0 for n in range(24 * 5)]

    ozone = series("sim-330225-1", "o3")
    by_hour = [statistics.fmean(ozone[hour::24]) for hour in range(24)]
    assert (by_hour.index(max(by_hour)) + 8) % 24 in range(13, 18)
    assert statistics.correlation(ozone, series("sim-330226-1", "o3")) > 0.8


def test_every_district_has_its_episode_and_there_is_nearly_always_one() -> None:
    moments = [START + n * dt.timedelta(minutes=5) for n in range(40 * 12)]
    heights = {code: [episode(code, moment) for moment in moments] for code in CODES}
    assert {sum(height > 0 for height in series) for series in heights.values()} <= {41, 42}
    assert all(max(series) == 1.0 for series in heights.values())
    busy = [sum(height > 0 for height in at_once) for at_once in zip(*heights.values(), strict=True)]
    assert max(busy) == 1
    assert sum(busy) > len(busy) * 0.8


def test_an_episode_sets_off_the_alert_at_its_source_and_its_end_clears_it() -> None:
    rule = CITY.alerts["air_quality.pm25_rising"].when
    limit = CITY.limits("air_quality.x").on("alerts.pm25_hour", START.date())["orange"]
    moments = [START + n * dt.timedelta(minutes=5) for n in range(40 * 12)]
    truth = [episode("330203", moment) for moment in moments]
    source, beside = ([observe("station_5min", f"sim-330203-{n}", moment, 1) for moment in moments] for n in (1, 2))
    assert all(values["pm25"] > limit for height, values in zip(truth, source, strict=True) if height == 1 and values)
    assert all(values["pm25"] < rule.clear for height, values in zip(truth, source, strict=True) if height == 0 and values)
    assert all(values["pm25"] < limit for values in beside if values)
