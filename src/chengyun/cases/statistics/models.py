# SPDX-License-Identifier: Apache-2.0
"""Counts of cases, kept by triggers in the transaction of what is counted.

    cases_case ──trigger──▶ Delta        one row or two for each change that counts: written once, never waited for
                              │ fold     every few seconds, in one transaction
                              ▼
                            Cell         one row for each thing a page may ask for

Whoever reads adds both, in one statement. Nothing but sql.py's triggers and folding.py writes here.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

__all__ = ["COUNTED", "DIMENSIONS", "HOURS", "Cell", "Delta"]

HOURS = (4, 24, 48, 72, 120, 168, 360, 720, 1440)
"""Upper bounds, in hours, of the classes of how long cases took from being opened to being closed; one more lies above."""

COUNTED = (
    "opened", "simulated", "returned", "reworked", "reopened", "closed", "in_time", "dropped", "seconds",
    *(f"h{at}" for at in range(len(HOURS) + 1)),
)  # fmt: skip
"""Of the day cases were opened on: how many, and how many of these were made up, given back by a department, done again after
a verification, or opened again, by now. Of the day they ended on: closed with their work done, of these within the limit,
ended without work, the time they took, and how many took how long."""

DIMENSIONS = ("type", "day", "area", "category", "department", "source")


def _count() -> models.IntegerField[Any, Any]:
    return models.IntegerField(default=0)


class Counts(models.Model):
    """type … source: what is counted apart. area: the case's own code, or its first digits as a sheet keeps them.
    department: id of the body charged; 0: none."""

    type = models.CharField(max_length=130)
    day = models.DateField()
    area = models.CharField(max_length=12)
    category = models.CharField(max_length=64)
    department = models.BigIntegerField()
    source = models.CharField(max_length=16)
    opened = _count()
    simulated = _count()
    returned = _count()
    reworked = _count()
    reopened = _count()
    closed = _count()
    in_time = _count()
    dropped = _count()
    seconds = models.BigIntegerField(default=0)
    h0 = _count()
    h1 = _count()
    h2 = _count()
    h3 = _count()
    h4 = _count()
    h5 = _count()
    h6 = _count()
    h7 = _count()
    h8 = _count()
    h9 = _count()

    class Meta:
        abstract = True


class Delta(Counts):
    """What one change adds to the counts, or takes away."""


class Cell(Counts):
    """What a sheet of sheets.py has counted. What the sheet does not tell apart is "" or 0, the day of a month its first."""

    pk = models.CompositePrimaryKey("sheet", "type", "day", "area", "category", "department", "source")
    sheet = models.SmallIntegerField()

    class Meta:
        # What comes after the area narrows nothing down, but spares fetching the cells that a further condition leaves out.
        indexes = [
            models.Index(
                fields=["sheet", "category", "day", "area", "department", "source"],
                condition=~Q(category=""),
                name="statistics_cell_by_category",
            ),
            models.Index(
                fields=["sheet", "department", "day", "area", "category", "source"],
                condition=~Q(department=0),
                name="statistics_cell_by_body",
            ),
        ]
