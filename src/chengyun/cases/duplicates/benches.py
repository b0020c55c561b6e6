# SPDX-License-Identifier: Apache-2.0
"""Measurements of the search for duplicates: its time among a million cases, and what it finds of planted ones.

Planted: to real requests of the last two months of one city's eight, reports of the same problem are made up (seeded): a
position off by a phone's error, some hours or days later, mostly of the same category. Beside them, real later requests that
stand alone: what is found for them is wrong, or a true duplicate that nobody marked, so precision is a lower bound.
CHENGYUN_BENCH_CASES says among how many, CHENGYUN_BENCH_SHARED names the folder that holds data/cases-boston-311.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place
from chengyun.errors import Unavailable

__all__ = ["BENCHES"]

CASES = 1_000_000
ASKED = 400
BEGIN = "import json; from chengyun.cases.duplicates import planted; "
FILE = Path("cases-boston-311/boston_311_2015_jan_aug.csv.gz")


def case_duplicates() -> list[Result]:
    """Return how long a search takes among a million cases, and what it finds of planted duplicates."""
    number = int(os.environ.get("CHENGYUN_BENCH_CASES", CASES))
    folder = os.environ.get("CHENGYUN_BENCH_SHARED", "")
    path = (Path(folder) if folder else Path.cwd().parent / "shared") / "data" / FILE
    if not path.exists():
        raise Unavailable(f"{path} is not there. Set CHENGYUN_BENCH_SHARED to the folder that holds data/{FILE}.")
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        took = json.loads(place.django(f"{BEGIN}print(json.dumps(planted.speed({number}, {ASKED})))"))
        found = json.loads(place.django(f"{BEGIN}print(json.dumps(planted.found({str(path.resolve())!r})))"))
    beside = {"median": f"{took['median'] * 1000:.1f} ms", "worst": f"{took['worst'] * 1000:.1f} ms"}
    said = {"found first": f"{found['first']:.3f}", "one of the same kind at the spot first": f"{found['spot']:.3f}"}
    for name, one in found.items():
        if isinstance(one, dict):
            words = (
                f"recall {one['recall']:.3f}, precision {one['precision']:.3f}, of requests that stand alone {one['alone']:.3f}"
            )
            said["joined unseen" if name == "joined" else f"score ≥ {name}"] = words
    return [
        Result(
            name="case-duplicates", value=took["p95"] * 1000, unit="ms", target=50, compared=beside,
            notes=f"95th percentile of {ASKED} searches among {number:,} cases of 60 days, every third at a crowded place.",
        ),
        Result(
            name="case-duplicates-found", value=found["five"], unit="recall", better="higher", compared=said,
            notes="Share of 1,000 planted duplicates whose case is among the first five found (seed 311).",
        ),
    ]  # fmt: skip


BENCHES: dict[str, Bench] = {"case-duplicates": case_duplicates}
