# SPDX-License-Identifier: Apache-2.0
"""The bench `backload`: a compressed file of hourly history into the sealed table, while somebody reads pages."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import re
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from chengyun.bench.frame import Result
from chengyun.bench.place import Place, open_place
from chengyun.errors import Unavailable

STATIONS = 2_000
HOURS = 1_000
"""Two million rows: eight parts, some 20 MB compressed."""
PAGE_EVERY_S = 0.2
BEFORE_S = 10.0
HEADER = "date,hour,city,station,aqi,level,primary,pm25,pm10,co,no2,o3_1h,o3_8h,so2\n"


def backload() -> Sequence[Result]:
    """Measure history from CSV.gz to sealed rows, and what it does to who has pages open."""
    with tempfile.TemporaryDirectory() as folder, open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        file = Path(folder) / "history.csv.gz"
        write_history(file, STATIONS, HOURS)
        _register(place)
        with _reading(place) as before:
            time.sleep(BEFORE_S)
        with _reading(place) as during:
            done = place.run("load", "air_quality.china_hours", "--sealed", str(file))
        told = re.search(r"Read ([\d,]+) observations in ([\d.]+) s, stored ([\d,]+)", done.stdout)
        if told is None:
            raise Unavailable(f"The history could not be loaded: {done.stderr.strip() or done.stdout.strip()}")
        checked = place.run("lake", "check")
    read, seconds, stored = int(told[1].replace(",", "")), float(told[2]), int(told[3].replace(",", ""))
    if (read, checked.returncode) != (stored, 0):
        raise Unavailable(f"Of {read:,} rows {stored:,} were stored; the lake says: {checked.stdout.splitlines()[0]}")
    worse = _p95(during) / _p95(before)
    return [
        Result(
            name="backload", value=stored / seconds, unit="rows/s", target=300_000, better="higher",
            compared={"rows": f"{stored:,}", "seconds": f"{seconds:.1f}", "file": "CSV.gz, 14 columns"},
            notes=f"{STATIONS:,} stations × {HOURS:,} hours of eight quantities, flagged, newest rows kept; the reading of a "
            "page five times a second on the same machine included.",
        ),
        Result(
            name="backload-pages", value=worse, unit="times", target=2,
            compared={
                "p95 before": f"{_p95(before) * 1000:.0f} ms", "p95 during": f"{_p95(during) * 1000:.0f} ms",
                "median before, during": f"{statistics.median(before) * 1000:.0f}, {statistics.median(during) * 1000:.0f} ms",
            },
            notes=f"The board, asked every {PAGE_EVERY_S} s: {len(before)} times before, {len(during)} during the load.",
        ),
    ]  # fmt: skip


def write_history(file: Path, stations: int, hours: int) -> None:
    """Write plausible hours of many stations as the national network's copies are published, in order of time."""
    chance = np.random.default_rng(20190101)
    level = chance.uniform(20, 80, (8, stations))
    begin = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    with gzip.open(file, "wt", compresslevel=4, encoding="utf-8") as out:
        out.write(HEADER)
        for hour in range(hours):
            at = begin + dt.timedelta(hours=hour)
            level = np.clip(level + chance.normal(0, 3, level.shape), 1, 300)
            values = level.astype(int).astype(str)
            carbon = np.round(level[3] / 60, 1).astype(str)
            moment = f"{at:%Y%m%d},{at:%H}"
            out.writelines(
                f"{moment},城市{i % 40},站{i},{v[0]},良,细颗粒物(PM2.5),{v[1]},{v[2]},{co},{v[4]},{v[5]},{v[6]},{v[7]}\n"
                for i, (v, co) in enumerate(zip(values.T.tolist(), carbon.tolist(), strict=True))
            )


def _register(place: Place) -> None:
    """Put the stations into the register beforehand: it is rows a second that are measured, not the register."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stations.csv.gz"
        write_history(file, STATIONS, 1)
        done = place.run("load", "air_quality.china_hours", "--hot", str(file))
        if done.returncode:
            raise Unavailable(f"The stations could not be registered: {done.stderr.strip()}")


@contextlib.contextmanager
def _reading(place: Place) -> Iterator[list[float]]:
    """Ask for the board again and again; yield the list that the seconds of each go to."""
    times: list[float] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(PAGE_EVERY_S):
            begun = time.perf_counter()
            with urllib.request.urlopen(f"{place.url}/", timeout=30) as page:  # noqa: S310  our own address
                page.read()
            times.append(time.perf_counter() - begun)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield times
    finally:
        ended.set()
        reader.join()


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
