# SPDX-License-Identifier: Apache-2.0
"""What following new data and explaining old figures cost, and that neither grows with what lies behind.

CHENGYUN_BENCH_ROWS: rows behind the figures `why` explains (100 million). CHENGYUN_BENCH_INDICATORS, CHENGYUN_BENCH_STATIONS: how
many `indicators` follows (300), of how many stations (60).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place
from chengyun.errors import Unavailable

HOURS = 8_760
ROWS = int(os.environ.get("CHENGYUN_BENCH_ROWS", "100000000"))
"""Rows the bench `why` lays behind the figures."""
EXPLAINED = 1_000
YEARS = (1, 5)


def why() -> Sequence[Result]:
    """Explain figures drawn at random over a year of sealed rows."""
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        found = _beside(place.env, "why_bench", max(20, ROWS // HOURS), EXPLAINED)
    return [
        Result(
            name="why", value=found["worst_s"], unit="s", target=1,
            compared={
                "median": f"{found['median_s'] * 1000:.0f} ms", "p99": f"{found['p99_s'] * 1000:.0f} ms",
                **{f"worst of {key.split('.')[1]}": f"{took:.2f} s" for key, took in sorted(found["by_indicator"].items())},
            },
            notes=f"The slowest of {found['explained']:,} of {found['figures']:,} figures at {found['rows']:,} rows; filled in "
            f"{found['fill_s']:.0f} s, computed in {found['compute_s']:.0f} s.",
        ),
        Result(
            name="why-equal", value=found["equal"], unit="figures", target=found["explained"], better="higher",
            compared={"unequal": "; ".join(found["unequal"]) or "none"},
            notes="Value, detail, coverage and the mark of simulation, bit for bit.",
        ),
    ]  # fmt: skip


def indicators() -> Sequence[Result]:
    """One more hour into 300 indicators of four area levels, with one and with five years behind."""
    took: dict[int, dict[str, Any]] = {}
    for years in YEARS:
        with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
            took[years] = _beside(place.env, "hourly_bench", years, int(os.environ.get("CHENGYUN_BENCH_STATIONS", "60")))
    short, long = (took[years] for years in YEARS)
    return [
        Result(
            name="indicators", value=max(short["median_s"], long["median_s"]), unit="s", target=5,
            compared={
                "1 year": f"{short['median_s']:.2f} s", "5 years": f"{long['median_s']:.2f} s",
                "own processor time": f"{short['cpu_s']:.2f} and {long['cpu_s']:.2f} s",
                "figures written": f"{long['changed']:,}", "figures behind": f"{short['figures']:,} and {long['figures']:,}",
            },
            notes=f"{long['indicators']} indicators over {long['areas']} areas of {long['levels']} levels; median of "
            f"{long['rounds']} hours, each of {long['stations']} stations, from commit to figures.",
        ),
        Result(
            name="indicators-history", value=abs(long["median_s"] / short["median_s"] - 1), unit="", target=0.2,
            compared={"slowest hour": f"{short['worst_s']:.2f} and {long['worst_s']:.2f} s"},
            notes="How far five years of history are from one, as a ratio.",
        ),
    ]  # fmt: skip


def _beside(env: Mapping[str, str], module: str, *given: int) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as words:
        done = subprocess.run(
            [sys.executable, "-m", f"chengyun.operate.indices.{module}", *map(str, given)], env=dict(env),
            stdout=subprocess.PIPE, stderr=words, text=True, check=False, cwd=Path.home(),
        )  # fmt: skip
        if done.returncode:
            words.seek(0)
            raise Unavailable(f"{module} did not run: {words.read().strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


BENCHES: Mapping[str, Bench] = {"indicators": indicators, "why": why}
