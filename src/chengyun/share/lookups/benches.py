# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench access-log`: who looked at one person's record, in a log of a hundred million notes.

CHENGYUN_BENCH_LOOKS says how many notes; the full number takes some fifteen gigabytes to make.
"""

from __future__ import annotations

import json
import os
from statistics import median

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place

__all__ = ["BENCHES"]

NOTES = 100_000_000
QUESTIONS = 400
MEASURE = """
import json, time
from chengyun.share.lookups import rehearsal
begun = time.perf_counter()
rows = rehearsal.fill({notes})
made = time.perf_counter() - begun
took, found = rehearsal.ask({notes}, {questions})
print(json.dumps([rows, made, took, found, rehearsal.note(20, 1000), rehearsal.note(200, 1)]))
"""


def access_log() -> list[Result]:
    """Measure pages of looks, filtered and not, of persons seldom and often looked at."""
    notes = int(os.environ.get("CHENGYUN_BENCH_LOOKS", NOTES))
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        said = place.django(MEASURE.format(notes=notes, questions=QUESTIONS), within_s=3600)
    rows, made, took, found, noted, single = json.loads(said.strip().splitlines()[-1])
    ordered = sorted(took)
    return [
        Result(
            name="access-log", value=ordered[int(0.95 * len(ordered))] * 1000, unit="ms", target=200,
            compared={
                "median": f"{median(ordered) * 1000:.1f} ms", "worst": f"{ordered[-1] * 1000:.1f} ms",
                "looks found": f"{found}", "noted, 1000 persons a read": f"{noted:,.0f} persons/s",
                "noted, one person a read": f"{single:,.0f} reads/s", "made in": f"{made:.0f} s",
            },
            notes=f"95th percentile of {QUESTIONS} pages of 30 looks among {rows:,} notes; a quarter each plain, of one body, of "
            "a month, and further back; persons by a cubed chance, so that some were looked at ten thousand times.",
        )
    ]  # fmt: skip


BENCHES: dict[str, Bench] = {"access-log": access_log}
