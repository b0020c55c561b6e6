# SPDX-License-Identifier: Apache-2.0
"""What the measurement of duplicates runs inside an installation of its own: made-up cases by the million, planted twins."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from chengyun.access.models import Organisation
from chengyun.cases import duplicates
from chengyun.cases.models import Case

__all__ = ["found", "speed"]

TYPE = "urban_management.case"
SEED = 311
WARM = 20
PLANTED = 1000
LEAST = (0.9, 0.8, 0.7)
ZONE = dt.timezone(dt.timedelta(hours=-4))
TOWN_HALL = ("42.3594", "-71.0587")
"""Where requests without a place were put: it says nothing of where anything is."""
METRES = (82_000.0, 111_320.0)
"""Of a degree of longitude and of latitude, there."""

Row = Mapping[str, str]


def speed(cases: int, asked: int) -> dict[str, float]:
    """Fill the table and return how long searches took, in seconds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SELECT setseed(0.311)")
        cursor.execute(Path(__file__).with_name("fill.sql").read_text(encoding="utf-8"), {"cases": cases})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cases_case")
    draw = random.Random(SEED)  # noqa: S311  a seeded draw, no secret
    now = dt.datetime.now(dt.UTC)
    took = []
    for number in range(asked + WARM):
        hot = number % 3 == 0
        lon = 121.5 + (draw.randrange(41) / 200 if hot else draw.random() * 0.2)
        lat = 29.8 + (draw.randrange(41) / 200 if hot else draw.random() * 0.2)
        began = time.perf_counter()
        duplicates.find(TYPE, lon=lon, lat=lat, at=now, category="component/0118", text="路灯不亮了")
        took.append(time.perf_counter() - began)
    took = sorted(took[WARM:])
    return {"median": took[len(took) // 2], "p95": took[int(len(took) * 0.95)], "worst": took[-1]}


def found(path: str) -> dict[str, Any]:
    """Return what the search finds of planted duplicates, and how much of what it says of others."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["lon"] and (row["lat"], row["lon"]) != TOWN_HALL]
    codes = {name: f"event/{at // 50 + 1:02}{at % 50:02}" for at, name in enumerate(sorted({row["type"] for row in rows}))}
    known = [row for row in rows if "2015-07-01" <= row["open_dt"] < "2015-08-15"]
    later = [row for row in rows if row["open_dt"] >= "2015-08-15"]
    _keep(known, codes)
    # At one address the city has several open cases of one kind: any of them is the same problem to who reports it.
    spots: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row in known:
        spots[_spot(row)].add(row["case_id"])
    draw = random.Random(SEED)  # noqa: S311  a seeded draw, no secret
    planted = [_planted(row, codes, draw, spots[_spot(row)]) for row in draw.sample(known, PLANTED)]
    alone = [_ask(row, codes[row["type"]], _moment(row)) for row in draw.sample(later, PLANTED)]
    told: dict[str, Any] = {
        "first": sum(place == 1 for place, _, _ in planted) / PLANTED,
        "five": sum(place > 0 for place, _, _ in planted) / PLANTED,
        "spot": sum(right for _, _, right in planted) / PLANTED,
    }
    joined = [right for _, scores, right in planted if duplicates.beyond_doubt(scores)]
    others = sum(duplicates.beyond_doubt([one.score for one in candidates]) for candidates in alone)
    told["joined"] = {
        "recall": sum(joined) / PLANTED, "precision": sum(joined) / max(1, len(joined)), "alone": others / PLANTED,
    }  # fmt: skip
    for least in LEAST:
        said = [right for _, scores, right in planted if scores and scores[0] >= least]
        others = sum(bool(candidates) and candidates[0].score >= least for candidates in alone)
        told[str(least)] = {"recall": sum(said) / PLANTED, "precision": sum(said) / max(1, len(said)), "alone": others / PLANTED}
    return told


def _keep(rows: Sequence[Row], codes: Mapping[str, str]) -> None:
    owner = Organisation.objects.order_by("id").first()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("TRUNCATE cases_case CASCADE")
        Case.objects.bulk_create(
            [
                Case(
                    number=row["case_id"], type=TYPE, state="closed" if row["closed_dt"] else "handling",
                    ended=bool(row["closed_dt"]), title=row["type"], description=row["type"], owner=owner, lon=float(row["lon"]),
                    lat=float(row["lat"]), opened_at=_moment(row), due_at=_moment(row), category=codes[row["type"]],
                    closed_at=_moment(row, "closed_dt") if row["closed_dt"] else None,
                )
                for row in rows
            ],
            batch_size=2000,
        )  # fmt: skip


def _planted(row: Row, codes: Mapping[str, str], draw: random.Random, spot: set[str]) -> tuple[int, list[float], bool]:
    """Return (place among the found or 0, scores, whether the first is right) of a made-up second report."""
    at = _moment(row) + dt.timedelta(days=min(20.0, draw.expovariate(1 / 3)))
    across, up = draw.gauss(0, 20), draw.gauss(0, 20)
    same = draw.random() < 0.85
    code = codes[row["type"]] if same else draw.choice(sorted(codes.values()))
    candidates = _ask(row, code, at, across, up, row["type"] if same else "")
    numbers = [one.case_number for one in candidates]
    place = numbers.index(row["case_id"]) + 1 if row["case_id"] in numbers else 0
    first = candidates[0] if candidates else None
    return place, [one.score for one in candidates], first is not None and first.case_number in spot


def _ask(row: Row, code: str, at: dt.datetime, across: float = 0.0, up: float = 0.0, text: str | None = None) -> list[Any]:
    lon, lat = float(row["lon"]) + across / METRES[0], float(row["lat"]) + up / METRES[1]
    return duplicates.find(TYPE, lon=lon, lat=lat, at=at, category=code, text=row["type"] if text is None else text)


def _spot(row: Row) -> tuple[str, ...]:
    return row["lon"], row["lat"], row["type"]


def _moment(row: Row, column: str = "open_dt") -> dt.datetime:
    return dt.datetime.fromisoformat(row[column]).replace(tzinfo=ZONE)
