# SPDX-License-Identifier: Apache-2.0
"""A real timetable against gtfs_kit's figures for every trip, and real messages of vehicles and delays."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from google.transit import gtfs_realtime_pb2 as realtime
from tests.packs.transit.timetables import CALENDAR, STOP_TIMES, timetable

from chengyun.city import Malformed, Observation, Registered
from chengyun.lake.read import snapshot
from chengyun.packs.transit import feeds
from chengyun.standards import gtfs


@pytest.mark.shared
def test_every_trip_is_as_gtfs_kit_worked_it_out(shared: Path) -> None:
    folder = shared / "data/gtfs-cairns"
    with (folder / "cairns_gtfs.zip").open("rb") as file:
        table = gtfs.read_timetable(file)
    with (folder / "cairns_trip_stats.csv").open(newline="") as file:
        wanted = {row["trip_id"]: row for row in csv.DictReader(file)}
    assert (len(table.routes), len(table.stops), len(table.trips), table.faults) == (22, 416, 1339, ())
    assert {trip.id for trip in table.trips} == set(wanted)
    for trip in table.trips:
        row = wanted[trip.id]
        assert (trip.stops, trip.first_stop, trip.last_stop) == (int(row["num_stops"]), row["start_stop_id"], row["end_stop_id"])
        assert (gtfs.day_seconds(row["start_time"]), gtfs.day_seconds(row["end_time"])) == (trip.start, trip.end)
        assert trip.hours == pytest.approx(float(row["duration"]), abs=1e-9)
        # The answer was measured in a map projection, ours over the sphere.
        assert trip.km == pytest.approx(float(row["distance"]), rel=0.003)


@pytest.mark.shared
def test_a_timetable_becomes_a_plan_for_every_day(load, figures, shared: Path) -> None:
    folder = shared / "data/gtfs-cairns"
    loaded = load("transit.timetable", folder / "cairns_gtfs.zip")
    assert (loaded.registered, sum(loaded.dead.values())) == (22 + 416, 0)
    with (folder / "cairns_trip_stats.csv").open(newline="") as file:
        stats = list(csv.DictReader(file))
    with zipfile.ZipFile(folder / "cairns_gtfs.zip") as archive, archive.open("trips.txt") as opened:
        service = {row["trip_id"]: row["service_id"] for row in csv.DictReader(io.TextIOWrapper(opened, "utf-8-sig"))}
    monday: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in stats:
        # calendar.txt: of the four services only this one runs on a Monday, and 2014-06-02 is no exception.
        if service[row["trip_id"]] == "CNS2014-CNS_MUL-Weekday-00":
            monday[row["route_id"]].append(row)
    found = {route: figure for (route, day), figure in figures("transit.route_service_day").items() if day == "2014-06-02"}
    assert set(found) == set(monday)
    for route, rows in monday.items():
        assert found[route].value == len(rows)
        assert found[route].detail["hours"] == pytest.approx(sum(float(row["duration"]) for row in rows), abs=1e-6)
        assert found[route].detail["stop_visits"] == sum(int(row["num_stops"]) for row in rows)


@pytest.mark.shared
def test_vehicles_of_two_messages_have_moved(load, shared: Path) -> None:
    folder = shared / "data/gtfs-realtime"
    first = load("transit.positions", folder / "king-county-metro-1.pbf")
    second = load("transit.positions", folder / "king-county-metro-2.pbf")
    assert (first.stored, second.stored, dict(second.dead)) == (627, 569, {"malformed": 1})
    with snapshot(["transit.vehicle_position"]) as lake:
        rows = lake.rows("SELECT vehicle, lon, lat FROM vehicle_position ORDER BY vehicle, observed_at", {})
    assert len(rows) == 627 + 569
    lengths = sorted(
        gtfs.distance_km((one["lon"], one["lat"]), (other["lon"], other["lat"]))
        for one, other in pairwise(rows)
        if one["vehicle"] == other["vehicle"]
    )
    # Half an hour in a city: nobody is further away than a bus can go, and most are not where they were.
    assert len(lengths) > 400
    assert lengths[-1] < 60
    assert lengths[len(lengths) // 2] > 0.5


def test_a_vehicles_way_of_a_day_is_the_sum_of_its_steps(load, figures, tmp_path: Path) -> None:
    path = tmp_path / "bus.pb"
    for hour, lat in ((1, 29.8), (2, 29.9), (3, 29.8)):
        message = realtime.FeedMessage()
        message.header.gtfs_realtime_version = "2.0"
        message.header.timestamp = int(dt.datetime(2026, 3, 2, hour, tzinfo=dt.UTC).timestamp())
        entity = message.entity.add(id="1")
        entity.vehicle.vehicle.id = "浙B12345"
        entity.vehicle.position.latitude, entity.vehicle.position.longitude = lat, 121.5
        path.write_bytes(message.SerializeToString())
        assert load("transit.positions", path).stored == 1
    figure = figures("transit.vehicle_distance_day")["浙B12345", "2026-03-02"]
    assert figure.value == pytest.approx(2 * 11.12, abs=0.01)
    assert (figure.detail["reports"], figure.detail["span_min"]) == (3, 120)


@pytest.mark.shared
def test_delays_of_a_real_message(load, figures, shared: Path) -> None:
    loaded = load("transit.delays", shared / "data/gtfs-realtime/septa_trip_updates.pbf")
    assert (loaded.stored, loaded.registered) == (35, 35)
    found = figures("transit.trip_delay_day")
    assert found["AIR_8447_V55_M", "2023-03-30"].value == 1.0


def test_a_message_that_is_none_is_set_aside() -> None:
    (wrong,) = feeds.read_positions(io.BytesIO(b"\x00not a message"), "bus.pb")
    assert isinstance(wrong, Malformed)
    assert "bus.pb" in wrong.sentence


def test_a_trip_over_midnight_belongs_to_the_day_it_began() -> None:
    rows = list(feeds.read_timetable(timetable(), "gtfs.zip"))
    days = [row.values for row in rows if isinstance(row, Observation)]
    assert [f"{it['noon']:%Y-%m-%d %H}" for it in days] == ["2026-03-02 12", "2026-03-04 12"]
    assert (days[0]["hours"], days[0]["last"], days[0]["km"]) == (0.5, 24 * 3600 + 1200, None)
    assert [row.values["name"] for row in rows if isinstance(row, Registered)] == ["鼓楼", "火车站", "1路"]


def test_a_trip_that_runs_every_ten_minutes_is_as_many_trips() -> None:
    hourly = "trip_id,start_time,end_time,headway_secs\nt,08:00:00,09:00:00,600\nt,22:00:00,23:00:00,1800\n"
    rows = list(feeds.read_timetable(timetable(frequencies=hourly), "gtfs.zip"))
    day = next(row.values for row in rows if isinstance(row, Observation))
    assert (day["trips"], day["stop_visits"], day["hours"]) == (8, 16, 4.0)
    assert (day["first"], day["last"]) == (8 * 3600, 22 * 3600 + 3600)


def test_what_repeats_trips_without_end_is_no_timetable() -> None:
    """Ten years of a trip every twenty seconds are read; a few lines more, and nobody has room for it."""
    head = "trip_id,start_time,end_time,headway_secs\n"
    daily = CALENDAR + "w,1,1,1,1,1,1,1,20200101,20291231\n"
    often = timetable(frequencies=head + "t,00:00:00,48:00:00,20\n" * 20, calendar=daily, calendar_dates="service_id\n")
    days = [row.values for row in feeds.read_timetable(often, "gtfs.zip") if isinstance(row, Observation)]
    assert (len(days), {it["trips"] for it in days}) == (3653, {20 * 8640})
    (wrong,) = feeds.read_timetable(timetable(frequencies=head + "t,00:00:00,48:00:00,20\n" * 200), "gtfs.zip")
    assert isinstance(wrong, Malformed)
    assert "frequencies.txt, line 117: its trips set off more than 1,000,000 times" in wrong.sentence


def test_faults_of_a_timetable_name_file_and_line() -> None:
    broken = STOP_TIMES + "t,08:00:00,08:00:00,a,1\nt,8.10,8.10,b,2\n"
    faults = [
        row.sentence for row in feeds.read_timetable(timetable(stop_times=broken), "gtfs.zip") if isinstance(row, Malformed)
    ]
    assert faults == ["gtfs.zip, stop_times.txt, line 3: '8.10' is not a time such as 08:05:00."]
    (wrong,) = feeds.read_timetable(timetable(agency="agency_timezone\nMars/Olympus\n"), "gtfs.zip")
    assert isinstance(wrong, Malformed)
    (wrong,) = feeds.read_timetable(io.BytesIO(b"no zip"), "gtfs.zip")
    assert isinstance(wrong, Malformed)
