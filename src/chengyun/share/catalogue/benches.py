# SPDX-License-Identifier: Apache-2.0
"""`chengyun bench catalogue-search`: the best 20 of half a million resources, Chinese and English, within exact permission.

CHENGYUN_BENCH_RESOURCES says among how many. Beside the time: how many of the first questions were answered with anything but
what a plain reading of every resource gives, and the time of exact counts by facet.
"""

from __future__ import annotations

import json
import os
import time
from statistics import median

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place

__all__ = ["BENCHES"]

RESOURCES = 500_000
QUESTIONS = 600
BUILD = "from chengyun.share.catalogue import rehearsal; rehearsal.build({number})"
MEASURE = """
import json, time
from chengyun.share.catalogue import rehearsal
from chengyun.share.catalogue.search import counts
found = rehearsal.measure({questions}, checked={checked})
took = []
for actor in rehearsal._people():
    for text in ("", "数据", "养老机构", "station", "company licence"):
        begun = time.perf_counter()
        counts(actor, text)
        took.append(time.perf_counter() - begun)
print(json.dumps([found.seconds, found.slowest, found.wrong, took]))
"""


def catalogue_search() -> list[Result]:
    """Measure searches as an anonymous reader, a clerk and a reviewer, in a process like a page's."""
    number = int(os.environ.get("CHENGYUN_BENCH_RESOURCES", RESOURCES))
    checked = 10 if number > 100_000 else 40
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        begun = time.perf_counter()
        place.django(BUILD.format(number=number), within_s=1800)
        made = time.perf_counter() - begun
        words = MEASURE.format(questions=QUESTIONS, checked=checked)
        seconds, slowest, wrong, facets = json.loads(place.django(words).strip().splitlines()[-1])
    ordered = sorted(seconds)
    at = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 for share in (0.5, 0.95, 0.99)}
    return [
        Result(
            name="catalogue-search", value=at[0.95], unit="ms", target=50,
            compared={
                "median": f"{at[0.5]:.1f} ms", "p99": f"{at[0.99]:.1f} ms",
                "worst": f"{ordered[-1] * 1000:.1f} ms ({slowest!r})",
                "answered wrongly": f"{wrong} of {checked}",
                "made in": f"{made:.0f} s",
                "counts by facet": f"median {1000 * median(facets):.0f} ms, worst {1000 * max(facets):.0f} ms",
            },
            notes=f"95th percentile of {QUESTIONS} questions among {number:,} resources; words by Zipf's law, a third English; "
            "asked as an anonymous reader, a clerk and a reviewer, whose permission is part of each query.",
        )
    ]  # fmt: skip


BENCHES: dict[str, Bench] = {"catalogue-search": catalogue_search}
