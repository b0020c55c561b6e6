# SPDX-License-Identifier: Apache-2.0
"""Measurements of category suggestion, on eight months of real requests of one city: trained to June, tested on July and August.

The file has no free text, so three questions are asked of it, and all three answers are printed:

    queue    which of 144 queues a request ends in, from the kind of service somebody picked, the place, the time and the
             channel. This is the category: what the city decides after somebody has said in a word what it is about.
    type     which of 157 kinds it is, from place, time and channel alone: without a word of what it is about
    reason   which of 53 groups of kinds, from the same

Queue, department, subject, reason and closing remark are decided later; none of them is ever among the features.
CHENGYUN_BENCH_SHARED names the folder that holds data/cases-boston-311.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import os
import time
from collections.abc import Sequence
from pathlib import Path

from chengyun.bench.frame import Bench, Result
from chengyun.cases.category.features import Facts
from chengyun.cases.category.training import Example, baselines, judge, train
from chengyun.errors import Unavailable

__all__ = ["BENCHES", "examples"]

FILE = Path("cases-boston-311/boston_311_2015_jan_aug.csv.gz")
TEST_FROM = "2015-07-01"
KNOWN = ("pwd_district", "neighborhood", "land_usage", "property_type", "police_district", "precinct", "street")
PLAIN = ("channel", "pwd_district", "said", "said@pwd_district")


def case_category() -> list[Result]:
    """Return how far probabilities are off, and what error is left after the least sure fifth was given to a person."""
    rows = _rows()
    found: list[Result] = []
    for target, said in (("queue", "type"), ("type", ""), ("reason", "")):
        began = time.perf_counter()
        model, _ = train([one for day, one in examples(rows, target, said) if day < TEST_FROM], plain=PLAIN)
        took = time.perf_counter() - began
        later = [one for day, one in examples(rows, target, said) if day >= TEST_FROM]
        known = [one for day, one in examples(rows, target, said) if day < TEST_FROM]
        card = judge(model, later, baselines(known, PLAIN if said else PLAIN[:2]))
        beside = {f"error, {name}": f"{error:.3f}" for name, error in card.plain.items()}
        beside |= {"trained in": f"{took:.0f} s", "file": f"{len(model.dump()) / 1e6:.1f} MB"}
        from_what = f"{target} from {f'{said}, ' if said else ''}place, time and channel; {card.cases} later cases"
        name = f"case-category{'' if said else f'-{target}'}"
        ece = f"Expected calibration error, 15 bins: {from_what}."
        left = (
            f"Error left when the least sure 20 % go to a person: {from_what}. Above an error of 1/3 half is out of reach for "
            "any model: the fifth given up cannot hold that many errors."
        )
        beside = {"error": f"{card.error:.3f}", "error at 20 % abstention": f"{card.kept_error:.3f}", **beside}
        half = card.kept_error / card.error
        aim = 0.5 if said else None
        found.append(Result(name=name, value=card.ece, unit="ECE", target=0.05, notes=ece))
        found.append(Result(name=f"{name}-abstain", value=half, unit="of error", target=aim, compared=beside, notes=left))
    return found


def examples(rows: Sequence[dict[str, str]], target: str, said: str) -> list[tuple[str, Example]]:
    """Return (day, example) of every request, in the order of time. said: the column that stands for the reporter's words."""
    found = []
    for row in rows:
        facts = Facts(
            text=row[said] if said else "", at=dt.datetime.fromisoformat(row["open_dt"]), channel=row["source"],
            lon=float(row["lon"]) if row["lon"] else None, lat=float(row["lat"]) if row["lat"] else None,
            more={name: row[name] for name in KNOWN} | {"road": row["street"].lstrip("0123456789- ")},
        )  # fmt: skip
        found.append((row["open_dt"][:10], (facts, row[target])))
    return found


def _rows() -> list[dict[str, str]]:
    folder = os.environ.get("CHENGYUN_BENCH_SHARED", "")
    path = (Path(folder) if folder else Path.cwd().parent / "shared") / "data" / FILE
    if not path.exists():
        raise Unavailable(f"{path} is not there. Set CHENGYUN_BENCH_SHARED to the folder that holds data/{FILE}.")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


BENCHES: dict[str, Bench] = {"case-category": case_category}
