# SPDX-License-Identifier: Apache-2.0
"""Measurement of a made-up city: a day of a million people and 100,000 sensors, made, stored, judged, and the same again.

CHENGYUN_BENCH_PEOPLE, CHENGYUN_BENCH_SENSORS and CHENGYUN_BENCH_HOURS make it smaller. Each stream is observed at the cadence it
declares: every hour, shared bikes every half hour.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from chengyun.bench.frame import Bench, Result
from chengyun.errors import Unavailable

__all__ = ["BENCHES"]

PEOPLE, SENSORS, HOURS = 1_000_000, 100_000, 24
SLOWEST_S = 900
UNTIL = "2026-10-02T00:00+08:00"
WITHIN_S = 3600


def simulate() -> list[Result]:
    """Return how long a day takes from an empty folder on, and whether another run has the same bytes."""
    size = {"PEOPLE": PEOPLE, "SENSORS": SENSORS, "HOURS": HOURS}
    people, sensors, hours = (int(os.environ.get(f"CHENGYUN_BENCH_{name}", most)) for name, most in size.items())
    words = [
        "simulate", "--days", f"{hours / 24}", "--until", UNTIL, "--people", str(people), "--sensors", str(sensors),
        "--registered", "2000",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="chengyun-simulate-") as above:
        begun = time.monotonic()
        said = _run(Path(above) / "first", *words)
        took = time.monotonic() - begun
        begun = time.monotonic()
        again = _run(Path(above) / "again", *words, "--truth-only")
        second = time.monotonic() - begun
    same = _digest(said) == _digest(again)
    full = (people, sensors, hours) == (PEOPLE, SENSORS, HOURS)
    lines = [line.strip() for line in said.splitlines()]
    beside = {
        "people": lines[0], "sensors": lines[1], "planted": lines[2], "filed": lines[3],
        "seconds": next((line.removeprefix("seconds: ") for line in lines if line.startswith("seconds: ")), ""),
        "the same again, nothing sent": f"{second:.0f} s", "digest": _digest(said)[:16],
    }  # fmt: skip
    notes = f"{hours} hours of {people:,} people and {sensors:,} sensors, from an empty folder to figures, alerts and cases."
    return [
        Result(name="simulate", value=took, unit="s", target=SLOWEST_S if full else None, compared=beside, notes=notes),
        Result(
            name="simulate-same-bytes", value=float(same), unit="of 1", target=1.0, better="higher",
            notes="Digest of everything that is sent, of two runs in two processes; the second sends nothing.",
        ),
    ]  # fmt: skip


def _run(data: Path, *words: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CHENGYUN_", "DJANGO_"))}
    command = [sys.executable, "-m", "chengyun.cli", *words]
    done = subprocess.run(command, env={**kept, "CHENGYUN_DATA": str(data)}, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode:
        raise Unavailable(f"The city was not made: {done.stderr.strip()[-500:]}")
    return done.stdout


def _digest(said: str) -> str:
    found = re.search(r"digest of all that was sent: ([0-9a-f]{64})", said)
    if found is None:
        raise Unavailable(f"The run told no digest: {said.strip()[-200:]}")
    return found[1]


BENCHES: dict[str, Bench] = {"simulate": simulate}
