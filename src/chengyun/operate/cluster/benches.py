# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench scale-out`: what one more process of each kind takes off, on one whole installation.

Processor time says what a process of its own machine would do; wall time what these cores do together. CHENGYUN_BENCH_SCALE is
the number of stations (2,000), each with four days of hours.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack

import psutil

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import CHENGYUN, Place, open_place, wait_for

__all__ = ["BENCHES"]

STREAM = "air_quality.station_hour"
INDICATORS = ("air_quality.station_hour_aqi", "air_quality.station_day_aqi")
HOURS = 96
PAGES = 60
REGISTER = """
from django.apps import apps
Station = apps.get_model("air_quality", "Station")
Station.objects.bulk_create(
    Station(key=f"S{{n:06d}}", name=f"S{{n}}", area_code="330203", lon=121.5, lat=29.9) for n in range({count})
)
"""
JUDGED = f"""
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT min(mark.seq) = max(next_seq) - 1 FROM queue_rulemark AS mark JOIN lake_stream USING (stream) "
                   "WHERE stream = '{STREAM}'")
    print(cursor.fetchone()[0])
"""  # noqa: S608  our own table


def _scale_out() -> Sequence[Result]:
    """Rows judged, figures computed and pages served by one process more, and what that one costs."""
    stations = int(os.environ.get("CHENGYUN_BENCH_SCALE", "2000"))
    env = {"CHENGYUN_DEMO": "0", "CHENGYUN_RULES": "apart", "CHENGYUN_WEB_PROCESSES": "2"}
    with open_place(first=False, env=env) as place:
        place.django(REGISTER.format(count=stations))
        jobs = psutil.Process(place.children()["jobs"])
        jobs.suspend()  # it would compute what is to be measured
        try:
            _send(place, stations, 0)
            rules = [_rules(place, 1, stations * HOURS)]
            _send(place, stations, 1)
            rules.append(_rules(place, 2, stations * HOURS))
            figures = [_figures(place, on) for on in (None, "local[1]", "local[2]")]
            pages = _pages(place)
        finally:
            jobs.resume()
    rows = stations * HOURS
    return [
        Result(
            name="scale-out: rules", value=rules[0][1], unit="rows/s of processor time", target=None,
            compared={"one process": f"{rules[0][0]:,.0f} rows/s", "two": f"{rules[1][0]:,.0f} rows/s",
                      "two, of processor time": f"{rules[1][1]:,.0f} rows/s"},
            notes=f"{rows:,} rows of {stations:,} stations each time, the rules of the air pack.",
        ),
        Result(
            name="scale-out: figures", value=figures[0][1], unit="figures/s of processor time", target=None,
            compared={name: f"{wall:.1f} s, {cpu:,.0f} figures/s of processor time, {count:,} figures"
                      for name, (wall, cpu, count) in zip(("here", "Spark, one core", "Spark, two cores"), figures, strict=True)},
            notes="Hourly and daily indices anew, written each time; with Spark the start of the Java machine is counted.",
        ),
        Result(name="scale-out: pages", value=pages, unit="pages/s of processor time", target=None,
               notes=f"The board, nobody signed in, {PAGES} times over two processes; other pages cost other times."),
    ]  # fmt: skip


def _send(place: Place, stations: int, part: int) -> None:
    token = place.token("ingest:*")
    now = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    first = now - dt.timedelta(hours=HOURS * (2 - part))
    keys = [f"S{number:06d}" for number in range(stations)]
    for hour in range(HOURS):
        values = [20 + (hour * 7 + number) % 180 for number in range(stations)]
        times = [int((first + dt.timedelta(hours=hour)).timestamp() * 1000)] * stations
        measured = dict.fromkeys(("pm25", "pm10", "so2", "no2", "o3"), values)
        columns = {"station": keys, "hour_start": times, **measured, "co": [1.0] * stations}
        body = json.dumps({"columns": columns}).encode()
        asked = urllib.request.Request(  # noqa: S310  our own address
            f"{place.stream_url}/ingest/{STREAM}", body, {"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(asked, timeout=60):  # noqa: S310
            pass


def _rules(place: Place, count: int, rows: int) -> tuple[float, float]:
    """Return rows judged a second, and a second of processor time."""
    with ExitStack() as stack:
        begun = time.monotonic()
        made = [subprocess.Popen([*CHENGYUN, "rules"], env=place.env, stdout=subprocess.DEVNULL) for _ in range(count)]
        for process in made:
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
        seen = [psutil.Process(process.pid) for process in made]
        idle = [sum(process.cpu_times()[:2]) for process in seen]
        wait_for(lambda: place.django(JUDGED).strip() == "True", 300, "The rows were not judged")
        took = time.monotonic() - begun
        used = sum(sum(process.cpu_times()[:2]) - before for process, before in zip(seen, idle, strict=True))
    return rows / took, rows / used


def _figures(place: Place, master: str | None) -> tuple[float, float, int]:
    """Return the seconds, the figures a second of processor time, and how many figures."""
    before, begun = os.times(), time.monotonic()
    done = place.run("indicators", "run", *INDICATORS, *(["--on", master] if master else []))
    took, after = time.monotonic() - begun, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    words = done.stdout.strip().splitlines()[-1].split()
    count = int(words[words.index("figures,") - 1].replace(",", ""))
    return took, count / used, count


def _pages(place: Place) -> float:
    """Return pages a second of the web processes' processor time."""
    web = [psutil.Process(place.children()["web"])]
    web += web[0].children()
    before = sum(sum(process.cpu_times()[:2]) for process in web)
    for _ in range(PAGES):
        with urllib.request.urlopen(f"{place.url}/", timeout=60):  # noqa: S310  our own address
            pass
    return PAGES / (sum(sum(process.cpu_times()[:2]) for process in web) - before)


BENCHES: dict[str, Bench] = {"scale-out": _scale_out}
