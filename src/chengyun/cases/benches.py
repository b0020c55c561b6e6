# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench case-replay case-steps`: a year of cases in sets, and deeds one by one through the services.

CHENGYUN_BENCH_CASES says how many cases are replayed (769,664: Ningbo's of 2015), CHENGYUN_BENCH_STEPS how many are taken one
by one (200 cases, by four workers as pages would).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import CHENGYUN, Place, open_place
from chengyun.cases.rehearsal import history, write_history
from chengyun.errors import Unavailable

__all__ = ["BENCHES"]

TYPE = "urban_management.case"
AREAS = ("330203001", "330205003", "330212002", "330206001")
OWNERS = ("enforcement_330203", "enforcement_330212", "enforcement", "environment", "data")
CATEGORIES = (
    "event/0102", "event/0104", "event/0103", "event/0504", "event/0505", "event/0201", "event/0110", "component/0101",
    "component/0118", "component/0203",
)  # fmt: skip
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)

STEPS = """
import csv, json, sys, time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from django.db import connection
from chengyun.access.actors import Actor
from chengyun.cases import hooks
from chengyun.cases.services import open_case, take_step
from chengyun.standards.times import parse_instant

hooks.evidence.clear()  # made-up photos are no photos

def live(rows):
    case = None
    for row in rows:
        at, who = parse_instant(row["at"]), Actor(None, row["actor"], None, frozenset({"system"}), ("",))
        if case is None:
            case = open_case(sys.argv[2], row["title"], who, at, category=row["category"], source=row["source"],
                             area_code=row["area_code"], lon=float(row["lon"]), lat=float(row["lat"]))
        else:
            case = take_step(case.number, row["step"], who, at, reason=row["reason"], note=row["note"],
                             owner=row["owner"] or None, photos=[1] if row["photos"] else [],
                             until=parse_instant(row["until"]) if row["until"] else None)
    return len(rows) - 1

with open(sys.argv[1], encoding="utf-8") as file:
    cases = [list(rows) for _, rows in groupby(csv.DictReader(file), key=lambda row: row["case"])]
# A return needs a reason that the duty list bears out, which made-up history does not have.
cases = [rows for rows in cases if not any(row["step"].startswith("return_") for row in rows)]
warm, cases = cases[:8], cases[8:]
with ThreadPoolExecutor(4) as pool:
    list(pool.map(live, warm))
    begun = time.perf_counter()
    steps = sum(pool.map(live, cases))
    print(json.dumps({"steps": steps, "seconds": time.perf_counter() - begun}))
"""


def _replay() -> Sequence[Result]:
    """Replay a year of cases with history, audit and clocks."""
    count = int(os.environ.get("CHENGYUN_BENCH_CASES", "769664"))
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        file = place.folder / "year.csv"
        lines = write_history(file, history(count, 20151231, OWNERS, CATEGORIES, AREAS, START))
        begun = time.perf_counter()
        said = _run(place, [*CHENGYUN, "cases", "replay", str(file), "--type", TYPE])
        seconds = time.perf_counter() - begun
    steps = lines - count
    if f"{count:,} cases with {steps:,} steps" not in said:
        raise Unavailable(f"The replay is not whole: {said.strip()}")
    result = Result(
        name="case-replay", value=steps / seconds, unit="steps/s", target=4000, better="higher",
        compared={"the whole": f"{seconds / 60:.1f} min", "cases": f"{count:,}", "steps a case": f"{steps / count:.2f}"},
        notes="Recorded history read, checked and written with stays, clocks, events and audit chain; its start counts.",
    )  # fmt: skip
    return [result]


def _steps() -> Sequence[Result]:
    """Take a case's steps one by one through the service path."""
    count = int(os.environ.get("CHENGYUN_BENCH_STEPS", "200"))
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        file = place.folder / "few.csv"
        write_history(file, history(count + 8, 7, OWNERS, CATEGORIES, AREAS, START))
        begin = "from chengyun.run.setup import django; django()\n"
        measured = json.loads(_run(place, [sys.executable, "-c", begin + STEPS, str(file), TYPE]))
    result = Result(
        name="case-steps", value=measured["steps"] / measured["seconds"], unit="steps/s", target=400, better="higher",
        compared={"cases": f"{count:,}"},
        notes="Four workers take cases from opening to their end through the services, each step a transaction of its own.",
    )  # fmt: skip
    return [result]


def _run(place: Place, command: Sequence[str]) -> str:
    done = subprocess.run(command, env=place.env, capture_output=True, text=True, timeout=4 * 3600, cwd=Path.cwd())
    if done.returncode:
        raise Unavailable(f"It did not run: {done.stderr.strip()[-500:]}")
    return done.stdout


BENCHES: dict[str, Bench] = {"case-replay": _replay, "case-steps": _steps}
