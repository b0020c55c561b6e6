# SPDX-License-Identifier: Apache-2.0
"""A benchmark's telemetry: every hour stored, what it is of registered, and its attacks as labelled."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from chengyun.access.actors import SYSTEM
from chengyun.city import Malformed, Observation, Registered
from chengyun.lake.read import snapshot
from chengyun.operate.cluster.runner import evaluate_on
from chengyun.operate.cluster.work import work
from chengyun.operate.formulas import recompute
from chengyun.operate.models import Figure
from chengyun.operate.probation.replay import replay
from chengyun.operate.probation.scoring import Real, Said, judge
from chengyun.operate.why import explain
from chengyun.packs.water_supply import feeds


@pytest.mark.shared
@pytest.mark.parametrize(("name", "hours"), [("BATADAL_dataset03.csv.gz", 8761), ("BATADAL_dataset04.csv.gz", 4177)])
def test_every_hour_of_every_signal_can_be_read(shared: Path, name: str, hours: int) -> None:
    with gzip.open(shared / "data/water-batadal" / name) as file:
        kinds = Counter(type(row) for row in feeds.read_telemetry(file, name))  # type: ignore[arg-type]
    # 7 tanks, 11 pumps, a valve, 12 junctions
    assert (kinds[Registered], kinds[Observation], kinds[Malformed]) == (31, hours * 31, 0)


@pytest.mark.shared
def test_a_month_with_an_attack_as_stored(load, figures, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/water-batadal"
    assert load("water_supply.network", data / "CTOWN.inp").registered == 388 + 7 + 11 + 4
    month = tmp_path / "september.csv"
    with gzip.open(data / "BATADAL_dataset04.csv.gz", "rt") as file, month.open("w") as out:
        header, *lines = file
        out.writelines([header, *(line for line in lines if line[3:8] == "09/16")])
    loaded = load("water_supply.telemetry", month)
    assert (loaded.stored, sum(loaded.dead.values())) == (30 * 24 * 31, 0)
    with snapshot(["water_supply.asset_hour"]) as lake:
        rows = lake.rows(
            "SELECT DISTINCT r.kind, r.elevation_m FROM asset_hour AS a JOIN asset AS r ON r.key = a.asset "
            "WHERE a.asset = 'J280'",
            {},
        )
    assert rows == [{"kind": "junction", "elevation_m": rows[0]["elevation_m"]}]
    assert rows[0]["elevation_m"] is not None
    pumps = figures("water_supply.pump_hours_day")
    with month.open() as file:
        running = [float(row[" S_PU1"]) for row in csv.DictReader(file) if row["DATETIME"].startswith("14/09/16")]
    assert pumps["PU1", "2016-09-14"].value == sum(running)
    tanks = figures("water_supply.tank_level_day")
    assert {asset for asset, _day in tanks} == {f"T{number}" for number in range(1, 8)}


@pytest.mark.shared
def test_what_stands_still_for_too_long_is_told_of_and_nothing_else(load, figures, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/water-batadal"
    month = tmp_path / "october.csv"
    with gzip.open(data / "BATADAL_dataset04.csv.gz", "rt") as file, month.open("w") as out:
        header, *lines = file
        out.writelines([header, *(line for line in lines if line[3:8] == "10/16")])
    load("water_supply.telemetry", month)
    still = {key: one.value for key, one in figures("water_supply.asset_stuck_hours").items() if one.value}
    # The pressure behind resting pumps stands still for 27 to 30 hours five times that month; for 47 under the attack on tank 1.
    assert set(still) == {("J280", "2016-10-10"), ("J280", "2016-10-11")}

    key, zone = "water_supply.asset_stuck", ZoneInfo("Asia/Shanghai")
    since, until = dt.datetime(2016, 10, 1, tzinfo=zone), dt.datetime(2016, 11, 1, tzinfo=zone)
    would = replay(settings.CITY, key, settings.CITY.alerts[key], since, until).alerts
    with (data / "attacks_dataset04.csv").open() as file:
        attacks = [tuple(dt.datetime.fromisoformat(row[end]).replace(tzinfo=zone) for end in ("start", "end"))
                   for row in csv.DictReader(file)]  # fmt: skip
    real = [Real(frozenset({"C-Town"}), *one) for one in attacks if one[0] < until and one[1] > since]
    said = [Said("C-Town", one.since, one.ended) for one in would]
    verdict = judge(said, real, dt.timedelta(0), dt.timedelta(0), until)
    assert (len(said), sum(verdict.right), verdict.found) == (1, 1, [True, False])


@pytest.mark.shared
def test_the_repair_of_a_drift_is_no_drift(load, figures, shared: Path, tmp_path: Path) -> None:
    data, drifted = shared / "data/water-batadal", "P_J14"
    spring = tmp_path / "pressures.csv"
    with gzip.open(data / "BATADAL_dataset03.csv.gz", "rt") as file, spring.open("w", newline="") as out:
        rows = csv.DictReader(file)
        names = ["DATETIME", *(name for name in rows.fieldnames or () if name.startswith("P_"))]
        written = csv.DictWriter(out, names, extrasaction="ignore")
        written.writeheader()
        for row in rows:
            if row["DATETIME"][3:8] == "03/14":
                # From the 8th to the 19th it reads a quarter low, which is most of what is known of it when it is mended.
                if 8 <= int(row["DATETIME"][:2]) <= 19:
                    row[drifted] = f"{float(row[drifted]) * 0.75:.2f}"
                written.writerow(row)
    load("water_supply.telemetry", spring)
    apart = figures("water_supply.pressure_drift")
    assert max(one.value for (_, day), one in apart.items() if day > "2014-03-21") < 6
    why = explain(apart["J14", "2014-03-24"].pk, SYSTEM)
    assert (why.again.error, why.again.equal) == ("", True)


@pytest.mark.shared
def test_a_pressure_is_stuck_when_it_stands_longer_than_it_ever_rests(load, figures, shared: Path, tmp_path: Path) -> None:
    data, stuck, resting = shared / "data/water-batadal", "P_J14", "P_J280"
    months = tmp_path / "pressures.csv"
    with gzip.open(data / "BATADAL_dataset04.csv.gz", "rt") as file, months.open("w", newline="") as out:
        rows = csv.DictReader(file)
        names = {name.strip(): name for name in rows.fieldnames or ()}
        written = csv.DictWriter(out, ["DATETIME", stuck, resting])
        written.writeheader()
        held: dict[str, str] = {}
        for row in rows:
            at = row["DATETIME"]
            told = {"DATETIME": at} | {name: row[names[name]] for name in (stuck, resting)}
            # No attack in these weeks. Both gauges are made to keep a number for 28 hours: one of them rests as long by itself.
            day, month, hour = int(at[:2]), at[3:5], int(at[9:11])
            for name, first in ((stuck, "17/08"), (stuck, "11/07"), (resting, "17/08")):
                begins = dt.datetime.strptime(first, "%d/%m")
                if dt.timedelta(0) <= dt.datetime(1900, int(month), day, hour) - begins < dt.timedelta(hours=28):
                    told[name] = held.setdefault(f"{name} {first}", told[name])
            if month in ("07", "08"):
                written.writerow(told)
    load("water_supply.telemetry", months)
    found = figures("water_supply.asset_stuck_hours")
    assert {key: one.value for key, one in found.items() if one.value} == {("J14", "2016-08-17"): 24, ("J14", "2016-08-18"): 28}
    assert found["J14", "2016-08-18"].detail["allowed_h"] == 24
    assert found["J280", "2016-08-18"].detail["allowed_h"] > 28
    # A week of a gauge is too little to know how long it rests.
    assert found["J14", "2016-07-12"].detail["allowed_h"] == 36
    [would] = replay(settings.CITY, "water_supply.asset_stuck", settings.CITY.alerts["water_supply.asset_stuck"],
                     dt.datetime(2016, 7, 1, tzinfo=dt.UTC), dt.datetime(2016, 9, 1, tzinfo=dt.UTC)).alerts  # fmt: skip
    assert would.subject == "J14"
    why = explain(found["J14", "2016-08-18"].pk, SYSTEM)
    assert (why.again.error, why.again.equal) == ("", True)
    hours = Figure.objects.get(
        indicator="water_supply.asset_still_hours", subject="J14", period_start=would.since, superseded_at=None
    )
    again = explain(hours.pk, SYSTEM).again
    assert (again.error, again.equal) == ("", True)


class Here:
    """Works off a cluster's tasks on the spot."""

    def answers(self, tasks, registers):
        for task in tasks:
            yield task, work(task, registers)


@pytest.mark.shared
def test_what_drifts_from_its_own_past_is_told_of_and_nothing_else(load, figures, shared: Path, tmp_path: Path) -> None:
    data, drifted = shared / "data/water-batadal", "P_J14"
    autumn = tmp_path / "pressures.csv"
    with gzip.open(data / "BATADAL_dataset03.csv.gz", "rt") as file, autumn.open("w", newline="") as out:
        rows = csv.DictReader(file)
        names = ["DATETIME", *(name for name in rows.fieldnames or () if name.startswith("P_"))]
        written = csv.DictWriter(out, names, extrasaction="ignore")
        written.writeheader()
        for row in rows:
            month, day = row["DATETIME"][3:8], int(row["DATETIME"][:2])
            if month in ("03/14", "04/14"):
                # Nothing happened there that year: one gauge is made to read a quarter low from the 10th of April on.
                if month == "04/14" and day >= 10:
                    row[drifted] = f"{float(row[drifted]) * 0.75:.2f}"
                written.writerow(row)
    load("water_supply.telemetry", autumn)
    apart = figures("water_supply.pressure_drift")
    # The first day of three needs two weeks of days that ended three before it.
    assert min(day for _, day in apart) == "2014-03-19"
    others = [one.value for (asset, _), one in apart.items() if asset != "J14"]
    assert max(others) < 6
    gauge = {day: one for (asset, day), one in apart.items() if asset == "J14"}
    assert max(one.value for day, one in gauge.items() if day < "2014-04-12") < 6
    assert min(gauge[day].value for day in ("2014-04-12", "2014-04-15", "2014-04-19")) > 10
    assert gauge["2014-04-12"].detail["side"] == -1

    key, zone = "water_supply.pressure_drifting", ZoneInfo("Asia/Shanghai")
    since, until = dt.datetime(2014, 3, 1, tzinfo=zone), dt.datetime(2014, 5, 1, tzinfo=zone)
    [would] = replay(settings.CITY, key, settings.CITY.alerts[key], since, until).alerts
    assert (would.subject, f"{would.since.astimezone(zone):%m-%d}") == ("J14", "04-12")
    why = explain(gauge["2014-04-12"].pk, SYSTEM)
    assert (why.again.error, why.again.equal) == ("", True)
    # The days it looks back on, which are of the month before, too; on a cluster the same comes out.
    assert len([link for link in why.downwards if link.depth == 1]) == 33
    Figure.objects.filter(indicator="water_supply.pressure_drift").delete()
    recompute(settings.CITY, "water_supply.pressure_drift")
    evaluate_on(Here(), dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
    again = Figure.objects.filter(indicator="water_supply.pressure_drift", superseded_at=None)
    assert {(one.subject, one.period_start): one.value for one in again} == {
        (one.subject, one.period_start): one.value for one in apart.values()
    }


@pytest.mark.shared
def test_attacks_are_the_labelled_hours_and_no_others(load, figures, shared: Path, tmp_path: Path) -> None:
    data = shared / "data/water-batadal"
    labels = tmp_path / "labels.csv"
    with gzip.open(data / "BATADAL_dataset04.csv.gz", "rb") as file:
        labels.write_bytes(file.read())
    assert load("water_supply.labels", labels).stored == 4177
    with (data / "attacks_dataset04.csv").open() as file:
        labelled = sum(int(row["labelled_hours"]) for row in csv.DictReader(file))
    found = figures("water_supply.attack_hours_day")
    assert sum(figure.value for figure in found.values()) == labelled
    assert max(figure.value for figure in found.values()) <= 24


def test_an_hour_that_is_none_is_told_and_a_stranger_is_not_guessed() -> None:
    body = b"DATETIME,L_T1,S_PU1,X_9,ATT_FLAG\n06/01/14 00,0.5,1,7,0\n31/02/14 00,0.5,1,7,5\n06/01/14 01,deep,1,7,1\n"
    rows = list(feeds.read_telemetry(io.BytesIO(body), "a.csv"))
    assert [row.key for row in rows if isinstance(row, Registered)] == ["T1", "PU1"]
    assert [row.sentence for row in rows if isinstance(row, Malformed)] == [
        "a.csv, line 3: DATETIME 31/02/14 00 is not a time (day is out of range for month).",
        "a.csv, line 4: L_T1 is 'deep', expected a number from -1e+06 to 1e+06.",
    ]
    wrong = [row.sentence for row in feeds.read_labels(io.BytesIO(body), "a.csv") if isinstance(row, Malformed)]
    assert wrong == ["a.csv, line 3: ATT_FLAG is '5', expected 1, 0 or -999."]
