# SPDX-License-Identifier: Apache-2.0
"""A sealer killed at any step loses nothing and doubles nothing, and the next one finishes its work."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chengyun.config import config
from chengyun.lake import faults
from chengyun.lake.read import snapshot
from chengyun.lake.services import check, seal, sweep

from .conftest import Lake, Reading
from .oracle import Oracle
from .test_versions import seen_versions

STREAM = "gauges.level"
HERE = Path(__file__).parent


def _fill(lake: Lake, oracle: Oracle) -> None:
    """Sealed rows in two months, then hot rows that correct, repeat and follow them."""

    def write(readings: list[Reading]) -> None:
        oracle.write(lake.write(readings), readings)

    write([Reading(gauge, hours, hours / 3) for gauge in range(12) for hours in range(24)])
    seal(STREAM, keep_sealed=dt.timedelta(0))
    write([Reading(1, 3, 9.0, note="改"), Reading(2, 4, 4 / 3), Reading(3, 20, None)])
    write([Reading(gauge, 24 + hours, 1.0, 2.0, "ok") for gauge in range(12) for hours in range(24)])
    write([Reading(1, 3, 9.5), Reading(5, 30, 7.0), Reading(5, 30, 7.0)])


@pytest.mark.fault
@pytest.mark.parametrize("step", [*faults.STEPS, "file-written:2", "file-written:3"])
def test_killed_at(lake: Lake, step: str) -> None:
    oracle = Oracle()
    _fill(lake, oracle)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "chengyun.settings",
        "CHENGYUN_DATABASE_URL": lake.url,
        "CHENGYUN_DATA": str(config().data),
        "CHENGYUN_PACKS": "gauges",
        "CHENGYUN_LAKE_DIE_AT": step,
        "PYTHONPATH": os.pathsep.join([str(HERE / "packs"), *sys.path]),
    }
    died = subprocess.run([sys.executable, str(HERE / "sealer.py")], env=environment, capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert seen_versions(None) == oracle.versions()

    more = [Reading(0, 50, 1.0), Reading(1, 3, 8.0)]
    oracle.write(lake.write(more), more)
    assert seen_versions(None) == oracle.versions()
    seal(STREAM, keep_sealed=dt.timedelta(0), most_files=1)
    assert seen_versions(None) == oracle.versions()
    sweep(dt.datetime.now(dt.UTC), dt.timedelta(0))
    [found] = check()
    assert (found.faults, found.stray) == ((), ())
    assert seen_versions(None) == oracle.versions()
    with snapshot([STREAM], as_of={STREAM: 12 * 24}) as seen:
        assert seen.rows("SELECT count(*) AS n FROM level_raw") == [{"n": 12 * 24}]


def test_readers_see_every_row_once_while_chunks_are_sealed_and_dropped(lake: Lake) -> None:
    lake.write([Reading(gauge, hours, 1.0) for gauge in range(12) for hours in range(100)])
    counts: list[int] = []
    wrong: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        try:
            while not ended.is_set():
                with snapshot([STREAM], registers=False) as seen:
                    counts.append(seen.rows("SELECT count(*) AS n FROM level WHERE measured_at < '2026-03-01'")[0]["n"])
        except BaseException as caught:
            wrong.append(caught)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for round_ in range(6):
            lake.write([Reading(gauge, 1000 + round_, 1.0) for gauge in range(12)])
            seal(STREAM, keep_sealed=dt.timedelta(0), most_files=2)
    finally:
        ended.set()
        reader.join()
    assert wrong == []
    assert len(counts) > 6
    assert set(counts) == {1200}
