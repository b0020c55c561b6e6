# SPDX-License-Identifier: Apache-2.0
"""A small city's month made, judged and scored end to end against its own truth."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.cases.intake.models import Report
from chengyun.config import config
from chengyun.lake import books
from chengyun.lake.services import ensure_tables
from chengyun.simulate.history import make
from chengyun.simulate.score.report import score, text, write
from chengyun.simulate.told import read_told

from .conftest import BEGINS, place_city, world

# With the apps named, what refers to their tables is emptied with them at the end of a test.
pytestmark = [
    pytest.mark.django_db(transaction=True, available_apps=[one.name for one in apps.get_app_configs()]),
    pytest.mark.timeout(900),
]


@pytest.fixture
def empty(transactional_db: None) -> Iterator[None]:
    books.forget()
    shutil.rmtree(config().warehouse, ignore_errors=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched RESTART IDENTITY")
    ensure_tables()
    place_city()
    yield
    books.forget()
    # The tables' catalogue keeps a connection open for the next question.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


UNTIL = BEGINS + dt.timedelta(days=30)
NOTICED = {"burst": "water_supply.pressure_low", "empty": "water_supply.tank_low", "crowd": "parking.lot_full",
           "drained": "shared_bikes.station_empty", "glut": "shared_bikes.station_full"}  # fmt: skip


def test_a_month_is_noticed_and_scored_against_its_own_truth(empty: None, tmp_path: Path) -> None:
    small = world(tmp_path, people=2000, sensors=300, registered=60, trouble=8)
    made = make(small, UNTIL, tick=dt.timedelta(days=5))
    assert made.stored == made.rows > 200_000
    assert made.done.reports > 10
    assert made.told["population.person"] >= 60
    assert not apps.get_model("water_supply", "Asset").objects.filter(simulated=False).exists()

    result = score(small.config, settings.CITY, UNTIL)
    rules = {one.rule: one for one in result.rules}
    kinds = {(one.what, one.kind, one.stream): one for one in result.planted}
    # Every mishap is found, by the rule that is there for it; a broken sensor's alert is a false one.
    for kind, rule in NOTICED.items():
        [mishap] = [one for (_, name, _), one in kinds.items() if name == kind]
        assert mishap.planted > 1
        assert mishap.missed == []
        assert rules[rule].recall == 1.0
        assert rules[rule].precision > 0.8
    # Every silence leaves a gap and every spike a flag; what no rule or flag looks for is listed as missed.
    for (_, kind, stream), one in kinds.items():
        # That a station's word is old shows in no flag: a rule looks at its age, if the station is heard of at all.
        stale = (kind, stream) == ("spike", "shared_bikes.station_status")
        if kind in ("silence", "spike") and stream != "parking.lot_free" and not stale:
            assert (one.by_flag, one.missed) == (one.planted, [])
    aged = rules["shared_bikes.station_stale"]
    assert aged.planted > 0
    assert aged.recall > 0.8
    assert aged.precision > 0.9
    # Half of the month goes by before it is known what is usual at a station; a pressure is known to rest for 36 hours at most.
    counted, rested = rules["shared_bikes.station_stuck"], rules["water_supply.asset_stuck"]
    assert (counted.planted, counted.alerts - counted.true) == (1, 0)
    # The clock is looked at every five days here, and what was over by then was told of by nobody.
    assert rested.found > 5
    assert rested.precision > 0.9
    drifted = kinds["fault", "drift", "water_supply.asset_hour"]
    assert drifted.by_flag == 0
    assert len(drifted.missed) + drifted.by_alert == drifted.planted > 0
    assert all(right / whole > 0.9 for whole, right in result.flags.values())
    assert 0.1 < result.unreported / result.incidents < 0.6
    twice = result.duplicates
    assert twice.found + len(twice.missed) == twice.due
    assert set(twice.missed.values()) <= {"shown", "not_shown"}
    told = {one["number"] for one in read_told(small.config) if one["what"] == "report"}
    assert told == set(Report.objects.values_list("number", flat=True))

    write(small.config, result)
    kept = json.loads((tmp_path / "simulation" / "score.json").read_text("utf-8"))
    assert {one["rule"]: one["recall"] for one in kept["rules"]} == {rule: one.recall for rule, one in rules.items()}
    assert result.forecasts == []
    assert any("water_supply.pressure_low" in line for line in text(result))

    # The same seed has the same bytes, whatever became of them; another seed has others.
    again = make(world(tmp_path / "again", people=2000, sensors=300, registered=60, trouble=8), UNTIL, truth_only=True)
    assert (again.digest, again.rows, again.stored) == (made.digest, made.rows, 0)
    files = ("planted.jsonl", "people.parquet", "sky.csv")
    assert _bytes(tmp_path / "again", *files) == _bytes(tmp_path, *files)
    assert not (tmp_path / "again" / "simulation" / "world.json").exists()
    other = world(tmp_path / "other", people=2000, sensors=300, registered=60, trouble=8, seed=7)
    assert make(other, BEGINS + dt.timedelta(days=1), truth_only=True).digest != made.digest


def _bytes(data: Path, *names: str) -> list[bytes]:
    return [(data / "simulation" / name).read_bytes() for name in names]
