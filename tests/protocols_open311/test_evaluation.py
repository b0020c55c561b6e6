# SPDX-License-Identifier: Apache-2.0
"""Another city's year, counted here: by department and neighbourhood as a query of the city's own file counts it.

A tenth of the requests with a deadline; CHENGYUN_TEST_BOSTON=all takes every one.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import os
from zoneinfo import ZoneInfo

import duckdb
import pytest
from django.db import connection

from chengyun.access.actors import SYSTEM
from chengyun.access.models import Organisation
from chengyun.areas.queries import today
from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.models import Fact
from chengyun.cases.evaluation.services import count, month_of
from chengyun.cases.statistics import folding, queries
from chengyun.cases.statistics.queries import Asked, Span
from chengyun.cli import main
from chengyun.config import config
from chengyun.protocols.open311 import history

BOSTON = "data/cases-boston-311/boston_311_2015_jan_aug.csv.gz"
TYPE = "urban_management.request"
MONTH = "2015-06"

JUDGED = """
WITH asked AS (
    SELECT *, {dropped} AS dropped,
           least(closed_dt, target_dt) AS decided
    FROM read_csv(?, types={'open_dt': 'TIMESTAMP', 'target_dt': 'TIMESTAMP', 'closed_dt': 'TIMESTAMP'})
)
SELECT {unit}, count(*), count(*) FILTER (closed_dt IS NOT NULL AND closed_dt < ?),
       count(*) FILTER (closed_dt <= target_dt)
FROM asked WHERE NOT dropped AND decided >= ? AND decided < ? GROUP BY 1
"""

COUNTED = """
SELECT {unit}, count(*), count(*) FILTER (closed_dt IS NOT NULL AND NOT {dropped}),
       count(*) FILTER (NOT {dropped} AND closed_dt <= target_dt), count(*) FILTER ({dropped})
FROM read_csv(?, types={{'open_dt': 'TIMESTAMP', 'target_dt': 'TIMESTAMP', 'closed_dt': 'TIMESTAMP'}}) GROUP BY 1
"""
DROPPED = (
    "coalesce(closure IN ('Duplicate of Existing Case', 'Case Invalid', 'NOBASE', 'NOVIO') AND closed_dt IS NOT NULL, false)"
)


@pytest.fixture
def part(shared, tmp_path, db):
    """The requests that come in, as a file of the same columns, and the codes of its neighbourhoods."""
    Organisation.objects.create(key="operations_centre", name="中心", kind="centre")
    every = os.environ.get("CHENGYUN_TEST_BOSTON") == "all"
    rows = [
        row for row in history.boston_rows(shared / BOSTON)
        if row["target_dt"] and row["target_dt"] >= row["open_dt"] and not history.impossible(row)
        and (every or row["case_id"].endswith("7"))
    ]  # fmt: skip
    path = tmp_path / "part.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    names = sorted({row["neighborhood"] for row in rows} - {""})
    codes = {name: f"2502{at:02d}" for at, name in enumerate(names, start=1)}
    with (tmp_path / "areas.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "code"), *codes.items()])
    assert main(["open311", "load", str(path), "--from", "boston", "--areas", str(tmp_path / "areas.csv")]) == 0
    return path, codes


def test_departments_and_neighbourhoods_are_counted_as_in_the_citys_own_file(part):
    path, codes = part
    first, last = month_of(MONTH)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cases_case, cases_casestage, cases_caseclock, cases_caseevent")  # nobody has, in a test
    edition = count(TYPE, first, last, SYSTEM, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    # The month is the installation's; the file speaks Boston's time.
    bounds = [
        dt.datetime.combine(day, dt.time(), config().zone).astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None)
        for day in (first, last + dt.timedelta(days=1))
    ]  # fmt: skip
    units = {
        "department": ("department", lambda name: history.department(name, "boston")),
        "area": ("neighborhood", lambda name: codes.get(name, "")),
    }  # fmt: skip
    for dimension, (column, key) in units.items():
        rows = duckdb.execute(
            JUDGED.replace("{unit}", column).replace("{dropped}", DROPPED), [str(path), bounds[1], *bounds]
        ).fetchall()
        expected = {key(name): tuple(counts) for name, *counts in rows if name}
        found: dict[str, list[int]] = {}
        for unit, bits in Fact.objects.filter(edition=edition, dimension=dimension).values_list("unit", "counted"):
            if not bits >> BIT["handle_due"] & 1:
                continue
            tally = found.setdefault(unit, [0, 0, 0])
            for at, name in enumerate(("handle_due", "handled", "handled_on_time")):
                tally[at] += bits >> BIT[name] & 1
        done_later = {unit: (due, on_time) for unit, (due, _done, on_time) in found.items()}
        assert done_later == {unit: (due, on_time) for unit, (due, _done, on_time) in expected.items()}
        assert sum(due for due, _ in done_later.values()) > 200
        # Who was done after the month is known today, and counts as done in it: late all the same.
        assert all(found[unit][1] >= expected[unit][1] for unit in expected)


def test_the_statistics_of_the_whole_are_those_of_the_file(part):
    path, codes = part
    folding.fold(500)
    ever = [Span(dt.date(2015, 1, 1), today())]
    bodies = dict(Organisation.objects.values_list("pk", "key"))
    for by, column, key, name in (
        ("department", "department", lambda one: history.department(one, "boston"), lambda one: bodies[one]),
        ("area", "neighborhood", lambda one: codes.get(one or "", ""), str),
    ):
        rows = duckdb.execute(COUNTED.format(unit=column, dropped=DROPPED), [str(path)]).fetchall()
        expected = {key(one): tuple(counts) for one, *counts in rows}
        found = {
            name(row.key): (row.now["opened"], row.now["closed"], row.now["in_time"], row.now["dropped"])
            for row in queries.broken_down(SYSTEM, Asked((TYPE,)), "month", by, ever)
        }
        assert found == expected
