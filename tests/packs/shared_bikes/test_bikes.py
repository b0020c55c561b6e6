# SPDX-License-Identifier: Apache-2.0
"""Stations of a real operator: as sent, and four weeks of history with the error a forecast has to beat."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed, Observation, Registered
from chengyun.lake.read import snapshot
from chengyun.operate.probation.replay import replay
from chengyun.operate.why import explain
from chengyun.packs.shared_bikes import feeds


@pytest.mark.shared
def test_a_real_operators_feed_is_stored_as_sent(load, figures, shared: Path) -> None:
    folder = shared / "data/bike-baywheels/raw"
    assert load("shared_bikes.gbfs", folder / "station_information.json").registered == 518
    for name in ("1107", "1135", "1207"):
        assert load("shared_bikes.gbfs", folder / f"station_status_20221003T{name}Z.json").stored == 500
    with snapshot(["shared_bikes.station_status"]) as lake:
        rows = lake.rows(
            "SELECT s.bikes, s.docks, s.working, r.capacity FROM station_status AS s JOIN station AS r ON r.key = s.station "
            "WHERE s.station = '003d58af-e449-4800-aa6d-eb1bba8ad68d' ORDER BY s.observed_at",
            {},
        )
    assert [(it["bikes"], it["docks"], it["working"], it["capacity"]) for it in rows] == [(3, 20, "yes", 27)] * 3
    service = figures("shared_bikes.station_service_day")
    assert service["003d58af-e449-4800-aa6d-eb1bba8ad68d", "2022-10-03"].value == 100.0


def test_a_station_that_does_not_say_whether_it_works_counts_by_its_bikes(load, figures, tmp_path: Path) -> None:
    day = tmp_path / "history.csv"
    rows = [("silent", 3, ""), ("silent", 0, ""), ("open", 3, "1"), ("shut", 3, "0")]
    head = "time,station,bikes,ebikes,docks,bikes_disabled,docks_disabled,ok,age_s\n"
    day.write_text(
        head + "".join(f"2026-03-02T0{at}:00:00Z,{key},{it},0,9,0,0,{ok},60\n" for at, (key, it, ok) in enumerate(rows))
    )
    assert load("shared_bikes.history", day).stored == 4
    found = {key: figure.value for (key, _day), figure in figures("shared_bikes.station_service_day").items()}
    assert found == {"silent": 50.0, "open": 100.0, "shut": 0.0}


@pytest.mark.shared
def test_a_stuck_count_is_told_from_a_quiet_station(load, figures, shared: Path, tmp_path: Path) -> None:
    weeks = tmp_path / "history.csv"
    busy, quiet, stuck = "100", "150", dict[str, str]()
    with gzip.open(shared / "data/bike-baywheels/station_status_30min_202210.csv.gz", "rt") as file, weeks.open("w") as out:
        out.write(next(file))
        for line in file:
            time, station, bikes, rest = line.split(",", 3)
            if int(station) % 25:
                continue
            # Two stations keep their number for 30 hours: one at which 16 changes a day are usual, and one with two.
            if station in (busy, quiet) and "2022-10-24T20" <= time < "2022-10-26T02":
                bikes = stuck.setdefault(station, bikes)
            out.write(f"{time},{station},{bikes},{rest}")
    load("shared_bikes.history", weeks)
    still = figures("shared_bikes.station_still")
    # Twenty stations of four weeks; ten days have to be known before, and three lie between.
    assert {day for _, day in still} == {f"2022-10-{day}" for day in range(16, 32)}
    assert {key for key, one in still.items() if one.value > 16} == {(busy, "2022-10-26")}
    assert still[busy, "2022-10-26"].detail["still_h"] == pytest.approx(30, abs=2)
    told = still[quiet, "2022-10-26"]
    assert (told.detail["still_h"] > 29, told.detail["usual"] <= 2, 0 < told.value < 4) == (True, True, True)
    key, since = "shared_bikes.station_stuck", dt.datetime(2022, 10, 1, tzinfo=dt.UTC)
    [would] = replay(settings.CITY, key, settings.CITY.alerts[key], since, since + dt.timedelta(days=31)).alerts
    assert would.subject == busy
    moves = figures("shared_bikes.station_moves_day")[busy, "2022-10-26"]
    for one in (still[busy, "2022-10-26"], moves):
        again = explain(one.pk, SYSTEM).again
        assert (again.error, again.equal) == ("", True)


def test_a_station_that_says_nothing_or_is_shut_does_not_stand_still(load, figures, tmp_path: Path) -> None:
    weeks, begin = tmp_path / "history.csv", dt.datetime(2026, 3, 1, 16, tzinfo=dt.UTC)
    head = "time,station,bikes,ebikes,docks,bikes_disabled,docks_disabled,ok,age_s\n"
    lines = []
    for half in range(48 * 20):
        at = begin + dt.timedelta(minutes=30 * half)
        held = half >= 48 * 18
        for key in ("stuck", "silent", "shut", "old"):
            if key == "silent" and held and half % 10:
                continue
            ok, age = (0 if key == "shut" and held else 1), (9000 if key == "old" and held else 60)
            lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{key},{5 if held else half % 7},0,9,0,0,{ok},{age}\n")
    weeks.write_text(head + "".join(lines))
    assert load("shared_bikes.history", weeks).stored == len(lines)
    still = {key: one.value for key, one in figures("shared_bikes.station_still").items() if one.value}
    assert still == {("stuck", "2026-03-21"): pytest.approx(48 * 46.5 / 24, rel=0.02)}


@pytest.mark.shared
def test_repeating_the_last_number_errs_as_was_worked_out(load, figures, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/bike-baywheels"
    day = tmp_path / "history.csv"
    last: dict[str, int] = {}
    errors: list[int] = []
    with gzip.open(data / "station_status_30min_202210.csv.gz", "rt") as file, day.open("w") as out:
        out.write(next(file))
        for line in file:
            time, station, bikes, *_rest = line.split(",")
            # One local day of Asia/Shanghai, which is what the figure is of.
            if "2022-10-04T16" <= time < "2022-10-05T16":
                out.write(line)
                if station in last:
                    errors.append(abs(int(bikes) - last[station]))
                last[station] = int(bikes)
    loaded = load("shared_bikes.history", day)
    assert (loaded.stored, sum(loaded.dead.values()), loaded.registered) == (loaded.read, 0, 494)
    found = figures("shared_bikes.persistence_error_day")
    assert len(found) == 494
    totals = [(figure.detail["error_total"], figure.detail["pairs"]) for figure in found.values()]
    assert (sum(it[0] for it in totals), sum(it[1] for it in totals)) == (sum(errors), len(errors))
    assert sum(errors) / len(errors) == pytest.approx(0.394, abs=0.1)


@pytest.mark.shared
def test_four_weeks_can_be_read_and_their_error_is_the_published_one(shared: Path) -> None:
    last: dict[str, float] = {}
    seen: Counter[type] = Counter()
    error = pairs = 0.0
    with gzip.open(shared / "data/bike-baywheels/station_status_30min_202210.csv.gz") as file:
        for row in feeds.read_history(file, "history.csv"):  # type: ignore[arg-type]
            seen[type(row)] += 1
            if isinstance(row, Observation):
                station, bikes = row.values["station"], row.values["bikes"]
                if station in last:
                    error, pairs = error + abs(bikes - last[station]), pairs + 1
                last[station] = bikes
    assert (seen[Registered], seen[Observation], seen[Malformed]) == (494, 622_440, 0)
    assert error / pairs == pytest.approx(0.394, abs=0.0005)


def test_a_station_without_a_place_and_a_row_without_a_number_are_told() -> None:
    header = ",".join(feeds.HISTORY).encode() + b"\n"
    lines = ("0,2,0,22,1,0,1,76", "1,two,0,1,1,0,1,7", "2,2,0,1,1,0,9,7")
    body = header + b"".join(f"2022-10-03T00:33:09Z,{line}\n".encode() for line in lines)
    rows = list(feeds.read_history(io.BytesIO(body), "history.csv"))
    assert [row.sentence for row in rows if isinstance(row, Malformed)] == [
        "history.csv, line 3: bikes is 'two', expected a number from -1e+06 to 1e+06.",
        "history.csv, line 4: ok is '9', expected 1 or 0.",
    ]
    (wrong,) = feeds.read_gbfs(io.BytesIO(b'{"data": {"alerts": []}}'), "system_alerts.json")
    assert isinstance(wrong, Malformed)
    assert "neither stations nor vehicles" in wrong.sentence
