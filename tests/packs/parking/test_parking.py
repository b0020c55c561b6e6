# SPDX-License-Identifier: Apache-2.0
"""Car parks whose counters drift: below zero, above the capacity, and unchanged values left out."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import pytest

from chengyun.city import Malformed, Registered
from chengyun.lake.read import snapshot
from chengyun.packs.parking import feeds

LOTS = b"place,place_id,place_name,city_name,num_all,latitude,longitude,source_id\n"
CHANGES = b"timestamp,place,free\n"


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    lots, changes = tmp_path / "places.csv", tmp_path / "changes.csv"
    lots.write_bytes(LOTS + "0,a,市府停车场,宁波,100,29.87,121.55,x\n1,b,无泊位数,宁波,,29.87,121.55,x\n".encode())
    changes.write_bytes(
        CHANGES
        + b"2021-09-01T00:00:00+08:00,0,60\n2021-09-01T08:00:00+08:00,0,5\n2021-09-01T09:00:00+08:00,0,0\n"
        + b"2021-09-01T11:30:00+08:00,0,20\n2021-09-01T12:00:00+08:00,0,-3\n2021-09-01T13:00:00+08:00,0,130\n"
        + b"2021-09-01T08:00:00+08:00,1,7\n2021-09-01T09:00:00,0,1\nnever,0,1\n2021-09-01T10:00:00+08:00,0,many\n"
    )
    return lots, changes


def test_a_day_of_one_car_park(load, figures, small: tuple[Path, Path]) -> None:
    lots, changes = small
    assert load("parking.lots", lots).registered == 2
    loaded = load("parking.changes", changes)
    assert (loaded.read, loaded.stored, loaded.flags["range"], sum(loaded.dead.values())) == (10, 7, 1, 3)
    peak = figures("parking.lot_peak_day")
    assert set(peak) == {("0", "2021-09-01")}, "without a capacity there is no share"
    assert (peak["0", "2021-09-01"].value, peak["0", "2021-09-01"].detail["over_capacity"]) == (100.0, 1)
    full = figures("parking.lot_full_day")["0", "2021-09-01"]
    assert (full.value, full.detail["times_full"], full.detail["known_h"]) == (2.5, 1, 13.0)
    # A source that says the same number for a day on end stands still; what it said the day before is read, too.
    again = "".join(f"2021-09-{2 + hour // 24:02}T{hour % 24:02}:30:00+08:00,1,7\n" for hour in range(40))
    changes.write_text(CHANGES.decode() + again)
    load("parking.changes", changes)
    still = figures("parking.lot_still_hours")
    assert [still["1", f"2021-09-0{day}"].value for day in (1, 2, 3)] == [0.0, 23.5, 24.0]
    assert still["0", "2021-09-01"].value == 0.0


@pytest.mark.shared
def test_a_real_week_is_stored_whole_and_its_odd_values_are_told(load, figures, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/parking-germany"
    week = tmp_path / "week.csv"
    wanted: dict[str, list[int]] = defaultdict(list)
    with gzip.open(data / "parking_free_202109.csv.gz", "rt") as file, week.open("w") as out:
        for line in file:
            if line < "2021-09-04" or line.startswith("timestamp"):
                out.write(line)
                if not line.startswith("timestamp"):
                    _at, place, free = line.strip().split(",")
                    wanted[place].append(int(free))
    with (data / "places.csv").open(newline="", encoding="utf-8") as file:
        capacity = {row["place"]: int(row["num_all"]) for row in csv.DictReader(file) if row["num_all"]}
    load("parking.lots", data / "places.csv")
    loaded = load("parking.changes", week)
    rows = sum(map(len, wanted.values()))
    negative = sum(free < 0 for values in wanted.values() for free in values)
    assert (loaded.read, sum(loaded.dead.values()), loaded.flags.get("range", 0)) == (rows, 0, negative)
    with snapshot(["parking.lot_free"]) as lake:
        (counted,) = lake.rows("SELECT COUNT(*) AS n, COUNT(DISTINCT lot) AS lots, MIN(free) AS least FROM lot_free", {})
        (over,) = lake.rows(
            "SELECT COUNT(*) AS n FROM lot_free AS f JOIN lot AS l ON l.key = f.lot WHERE f.free > l.capacity", {}
        )
    assert (counted["n"], counted["lots"], counted["least"]) == (rows, len(wanted), 0.0)
    assert over["n"] == sum(free > capacity.get(place, 10**9) for place, values in wanted.items() for free in values) > 0
    assert all(0 <= figure.value <= 100 for figure in figures("parking.lot_peak_day").values())


@pytest.mark.shared
def test_every_row_of_the_month_can_be_read(shared: Path) -> None:
    with gzip.open(shared / "data/parking-germany/parking_free_202109.csv.gz") as file:
        kinds = [type(row) for row in feeds.read_changes(file, "free.csv")]  # type: ignore[arg-type]
    assert (kinds.count(Registered), kinds.count(Malformed), len(kinds)) == (217, 0, 655_800 + 217)
