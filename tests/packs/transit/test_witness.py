# SPDX-License-Identifier: Apache-2.0
"""What an independent port of the canonical rules says of a timetable, and what our reader makes of the same one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.packs.transit.timetables import CALENDAR, STOP_TIMES, timetable

from chengyun.standards import gtfs

ROOT = Path(__file__).parents[3]
VALIDATOR = ROOT / "build/clients/gtfs/bin/gtfs-validator"
NEEDS_VALIDATOR = pytest.mark.skipif(not VALIDATOR.exists(), reason="`make clients` installs gtfs-validator.")


def judged(file: Path, to: Path, day: str) -> dict[str, Any]:
    subprocess.run([VALIDATOR, "-i", file, "-o", to, "-c", "CN", "-d", day], check=True, capture_output=True, timeout=120)
    report: dict[str, Any] = json.loads((to / "report.json").read_text())
    return report


def errors(report: dict[str, Any]) -> set[str]:
    return {it["code"] for it in report["notices"] if it["severity"] == "ERROR"}


@NEEDS_VALIDATOR
@pytest.mark.shared
def test_a_real_timetable_is_whole_to_both(shared: Path, tmp_path: Path) -> None:
    path = shared / "data/gtfs-cairns/cairns_gtfs.zip"
    report = judged(path, tmp_path, "2014-06-02")
    with path.open("rb") as file:
        table = gtfs.read_timetable(file)
    counts = report["summary"]["counts"]
    assert (len(table.stops), len(table.routes), len(table.trips)) == (counts["Stops"], counts["Routes"], counts["Trips"])
    assert (errors(report), table.faults) == (set(), ())


@NEEDS_VALIDATOR
def test_what_the_canonical_rules_call_an_error_is_told_by_our_reader(tmp_path: Path) -> None:
    """Nine mistakes in one timetable; what is left of it has none."""
    sound = "t,23:50:00,23:50:00,a,1\nt,24:20:00,24:20:00,b,2\n"
    made = timetable(
        agency="agency_id,agency_name,agency_url,agency_timezone\n1,公交集团,https://bus.example.com/,Asia/Shanghai\n",
        stops="stop_id,stop_name,stop_lat,stop_lon\na,鼓楼,29.87,121.55\nb,火车站,29.86,121.53\nb,南站,29.86,121.54\n",
        routes="route_id,route_short_name,route_type\n1,1路,3\n1,2路,3\n",
        trips="route_id,service_id,trip_id\n1,w,t\n1,w,t\n9,w,u\n1,none,v\n1,w,x\n",
        stop_times=STOP_TIMES
        + sound
        + "".join(f"{it},08:00:00,08:00:00,a,1\n{it},08:30:00,08:30:00,b,2\n" for it in "uv")
        + "x,08:00:00,08:00:00,a,1\nx,08.10,08.10,b,2\nx,08:20:00,08:20:00,nowhere,3\nx,08:40:00,08:35:00,b,4\n",
        calendar=CALENDAR + "w,1,0,0,0,0,0,0,20260302,20260308\n",
        frequencies="trip_id,start_time,end_time,headway_secs\nt,09:00:00,08:00:00,600\n",
    )
    path = tmp_path / "planted.zip"
    path.write_bytes(made.getvalue())
    said = errors(judged(path, tmp_path / "out", "2026-03-02"))
    assert {"duplicate_key", "foreign_key_violation", "invalid_time", "start_and_end_range_out_of_order"} <= said
    table = gtfs.read_timetable(made)
    assert [(trip.id, trip.route, trip.stops) for trip in table.trips] == [("t", "1", 2), ("x", "1", 1)]
    assert table.faults == (
        "stops.txt, line 4: stop_id 'b' stands there twice; the first one counts",
        "routes.txt, line 3: route_id '1' stands there twice; the first one counts",
        "stop_times.txt, line 9: '08.10' is not a time such as 08:05:00",
        "stop_times.txt, line 10: there is no stop 'nowhere' in stops.txt",
        "stop_times.txt, line 11: it leaves at 08:35:00, before it arrives at 08:40:00",
        "frequencies.txt, line 2: from 09:00:00 to 08:00:00 every 600 s is no frequency",
        "trips.txt, line 3: trip 't' stands there twice; the first one counts",
        "trips.txt, line 4: trip 'u' is of route '9', which is not in routes.txt",
        "trips.txt, line 5: trip 'v' runs on days 'none', which no calendar has",
    )
