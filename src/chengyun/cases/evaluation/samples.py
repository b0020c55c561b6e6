# SPDX-License-Identifier: Apache-2.0
"""Recorded cases by the million, written in sets (samples.sql): what counting is measured and tested on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection, transaction
from django.db.models import Max

from chengyun.cases.bare import bare
from chengyun.cases.models import Case

__all__ = ["Sample", "write_million", "write_sample"]

SQL = (Path(__file__).parent / "samples.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """So many cases, evenly over days from a start. departments, people: primary keys. events: only of steps between these."""

    type: str
    cases: int
    start: dt.datetime
    days: int
    departments: Sequence[int]
    people: Sequence[int]
    areas: Sequence[str]
    events: tuple[dt.datetime, dt.datetime] = field(
        default=(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
    )


TABLES = ("cases_case", "cases_caseclock", "cases_casestage", "cases_caseevent")


def write_million(sample: Sample) -> None:
    """Write the cases into an installation made for measuring, as write_sample does and in a tenth of its time: see bare.py."""
    with bare(*TABLES):
        write_sample(sample)


def write_sample(sample: Sample) -> None:
    """Write the cases beside what is there."""
    last = Case.objects.aggregate(last=Max("id"))["last"] or 0
    given = {
        "type": sample.type, "cases": sample.cases, "start": sample.start, "days": sample.days,
        "departments": list(sample.departments), "people": list(sample.people), "areas": list(sample.areas),
        "events_from": sample.events[0], "events_until": sample.events[1], "first_id": last,
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL, given)
        cursor.execute("SELECT setval(pg_get_serial_sequence('cases_case', 'id'), (SELECT max(id) FROM cases_case))")
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")
