# SPDX-License-Identifier: Apache-2.0
"""Mistakes as they come through the door: °F for ℃, µg for mg, GCJ-02 for WGS-84; and what packs say must be true."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chengyun.bench.place import Place, open_place

HERE = Path(__file__).parent
DAY = dt.date(2026, 11, 20)
BEGIN = dt.datetime(2026, 11, 20, 2, tzinfo=dt.UTC)
STEPS, THERMOMETERS = 12, 8
BEGIN_CODE = """
import datetime as dt, json
from chengyun.access.actors import Actor
from chengyun.collect.quality import queries, services
from chengyun.collect.quality.models import Finding, Score
from chengyun.collect.quality.reading import current_rows
steward = Actor(None, "steward", None, frozenset({"data_steward"}), ("",))
"""
JUDGE = """
services.judge_due(dt.datetime.now(dt.UTC))
services.judge_registers(dt.datetime.now(dt.UTC))
"""
REGISTER = """
import random
import numpy as np
from chengyun.areas.queries import area_of_points
from chengyun.collect.registering import model_of
from chengyun.standards.coordinates import from_wgs84
from chengyun.packs.air_quality.models import Station
from chengyun.packs.parking.models import Lot
from django.apps import apps
Thermometer = apps.get_model("climate", "Thermometer")
for n in range(8):
    Thermometer.objects.create(key=f"T{n}", name=f"T{n}", area_code="330203", lon=121.5 + n / 100, lat=29.87)
    Station.objects.create(key=f"S{n}", name=f"S{n}", area_code="330203", lon=121.5 + n / 100, lat=29.87)
Lot.objects.create(key="KNOWN", name="KNOWN", area_code="330203", capacity=100)
Lot.objects.create(key="UNKNOWN", name="UNKNOWN", area_code="330203")
# Places near a border whose position, written in GCJ-02, lies on its other side: the supplier did not say so.
chance = random.Random(7)
lons = np.array([chance.uniform(121.3, 121.9) for _ in range(20_000)])
lats = np.array([chance.uniform(29.7, 30.0) for _ in range(20_000)])
x, y = from_wgs84(lons, lats, "GCJ-02")
true, seen = area_of_points(lons, lats, "district"), area_of_points(x, y, "district")
border = [i for i in range(len(lons)) if true[i] and seen[i] and true[i] != seen[i]][:10]
for n, i in enumerate(border):
    Station.objects.create(
        key=f"G{n}", name=f"G{n}", area_code=true[i], source="supplier", lon=round(float(x[i]), 6), lat=round(float(y[i]), 6)
    )
print(json.dumps([[float(lons[i]), float(lats[i])] for i in border]))
"""


class Judged:
    """An installation with a day of mistakes, judged. border: where the stations G0, G1 … truly stand."""

    def __init__(self, place: Place, border: list[list[float]]) -> None:
        self.place, self.border = place, border

    def ask(self, code: str) -> Any:
        return json.loads(self.place.django(BEGIN_CODE + code))


@pytest.fixture(scope="module")
def judged() -> Iterator[Judged]:
    packs = ["chengyun.packs.air_quality", "chengyun.packs.parking", "climate"]
    path = os.pathsep.join([str(HERE / "packs"), *sys.path])
    with open_place(first=False, env={"CHENGYUN_DEMO": "0", "CHENGYUN_PACKS": ",".join(packs), "PYTHONPATH": path}) as place:
        border = json.loads(place.django(BEGIN_CODE + REGISTER))
        times = [(BEGIN + dt.timedelta(minutes=10 * step)).isoformat() for step in range(STEPS)]
        celsius = [12 + number / 10 + step / 10 for step in range(STEPS) for number in range(THERMOMETERS)]
        numbered = [(number, step) for step in range(STEPS) for number in range(THERMOMETERS)]
        headers = {"authorization": f"Bearer {place.token('ingest:*')}"}

        def send(stream: str, columns: list[str], rows: list[list[Any]]) -> None:
            body = {"columns": columns, "rows": rows}
            answer = httpx.post(f"{place.stream_url}/ingest/{stream}", json=body, headers=headers, timeout=30)
            assert answer.json()["accepted"] == len(rows), answer.text

        send("climate.air", ["thermometer", "at", "temperature", "dust"], [
            # T7 speaks Fahrenheit, T6 micrograms; the others what is declared.
            [f"T{number}", times[step], round(value * 1.8 + 32, 2) if number == 7 else value, 40_000 if number == 6 else 40]
            for (number, step), value in zip(numbered, celsius, strict=True)
        ])  # fmt: skip
        send("air_quality.station_5min", ["station", "start", "pm25", "pm10"], [
            ["S0", times[0], 80, 60], ["S0", times[1], 50, 60], ["S1", times[0], 50, 60], ["S2", times[0], 50, None],
        ])  # fmt: skip
        send("parking.lot_free", ["lot", "observed_at", "free"], [
            ["KNOWN", times[0], 40], ["KNOWN", times[1], 140], ["UNKNOWN", times[0], 4000], ["UNKNOWN", times[1], 0.5],
        ])  # fmt: skip
        place.django(BEGIN_CODE + JUDGE)
        yield Judged(place, border)


@pytest.mark.parametrize(
    ("key", "field", "offer"), [("T7", "temperature", "fahrenheit"), ("T6", "dust", "factor")], ids=["fahrenheit", "micrograms"]
)
def test_another_unit_is_recognised_repaired_and_brought_back(judged: Judged, key: str, field: str, offer: str) -> None:
    offered, sent, mended, back, state, after = judged.ask(
        f"day = dt.date{tuple(DAY.timetuple()[:3])}\n"
        f"values = lambda: [row[{field!r}] for row in current_rows('climate.air', day, {key!r})]\n"
        f"one = Finding.objects.get(dataset='climate.air', rule='unit', subject={key!r})\n"
        "told = [one.offer, values()]\n"
        "services.accept(steward, one.pk)\ntold.append(values())\n"
        "services.undo(steward, one.pk)\ntold.append(values())\n" + JUDGE + "one.refresh_from_db()\ntold.append(one.state)\n"
        "services.accept(steward, one.pk)\n" + JUDGE + "one.refresh_from_db()\ntold.append(one.state)\n"
        "print(json.dumps(told))"
    )
    assert offered == offer
    right = [(value - 32) / 1.8 for value in sent] if offer == "fahrenheit" else [value / 1000 for value in sent]
    assert mended == pytest.approx(right, abs=0.01)
    assert back == pytest.approx(sent)
    assert state == "open", "judged again, what was undone is still found, and its repair is kept"
    assert after == "repaired"


def test_positions_written_in_gcj_02_are_recognised_by_their_source_and_moved_home(judged: Judged) -> None:
    assert len(judged.border) >= 5
    told = judged.ask(
        "from chengyun.packs.air_quality.models import Station\n"
        "found = Finding.objects.filter(dataset='air_quality.station', rule='datum', offer='gcj02').order_by('subject')\n"
        "at = lambda key: list(Station.objects.values_list('lon', 'lat').get(key=key))\n"
        "moved = {}\n"
        "for one in found:\n"
        "    before = at(one.subject)\n"
        "    services.accept(steward, one.pk)\n"
        "    moved[one.subject] = [before, at(one.subject)]\n"
        + JUDGE
        + "left = Finding.objects.filter(dataset='air_quality.station', rule='datum', state='open').count()\n"
        "first = found.model.objects.filter(offer='gcj02', state='repaired').order_by('subject').first()\n"
        "services.undo(steward, first.pk)\n"
        "print(json.dumps([moved, left, first.subject, at(first.subject)]))"
    )
    moved, left, first, back = told
    assert set(moved) == {f"G{number}" for number in range(len(judged.border))}
    for key, (before, after) in moved.items():
        assert after == pytest.approx(judged.border[int(key[1:])], abs=2e-5), "two metres"
        assert before != pytest.approx(after, abs=1e-3)
    assert left == 0
    assert back == moved[first][0]


def test_what_packs_say_must_be_true_is_judged_and_says_nothing_of_what_is_not_known(judged: Judged) -> None:
    found = judged.ask(
        "rows = Score.objects.filter(rule__contains='.').values_list('rule', 'checked', 'failed', 'error')\n"
        "print(json.dumps({rule: rest for rule, *rest in rows}))"
    )
    assert found["air_quality.fine_in_coarse_5min"] == [3, 1, ""]
    assert found["parking.free_within_capacity"] == [2, 1, ""]
    assert found["parking.free_is_whole"] == [4, 1, ""]
    subject = judged.ask("print(json.dumps(Finding.objects.get(rule='parking.free_within_capacity').subject))")
    assert subject == "KNOWN"


def test_clerks_of_the_body_that_answers_for_data_are_told_and_no_others(judged: Judged) -> None:
    told = judged.ask(
        "from chengyun.access.models import Organisation\n"
        "clerk = lambda body: Actor(None, 'c', body, frozenset({'department_clerk'}), ('',))\n"
        "print(json.dumps([queries.own_trouble(clerk('environment')), queries.own_trouble(clerk('environment_330203')),"
        " queries.own_trouble(clerk('enforcement')), queries.own_trouble(steward)]))"
    )
    department, branch, other, nobody = told
    assert department["air_quality.station_5min"] >= 1
    assert branch.keys() <= department.keys()
    assert "air_quality.station_5min" in branch
    assert other == {}
    assert nobody == {}
