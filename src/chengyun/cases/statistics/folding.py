# SPDX-License-Identifier: Apache-2.0
"""From notes to cells: folding what has come, counting all cases anew, and proving that both say the same.

One at a time. A fold that is cut off has done nothing: notes are deleted and cells changed in one transaction. All cases are
counted in one snapshot, in which a case and its note are both there or neither is, so nobody has to stop working meanwhile.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from chengyun.cases.statistics.models import COUNTED
from chengyun.cases.statistics.sql import ADDED, CELLS, DROP, SPREAD, create, parts, sums
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["Difference", "check", "ensure", "fold", "fold_all", "rebuild"]

MOST = 20_000
"""Notes of one fold, so that it holds the cells it changes for a second at most."""

MEMORY = "64MB"
"""For the cells of one month, which are counted in memory; more of them go to disk."""

LOCK = 4_128_365

FOLD = f"""
WITH noted AS (
    DELETE FROM statistics_delta WHERE id IN (SELECT id FROM statistics_delta ORDER BY id LIMIT %s) RETURNING *
), spread AS ({SPREAD}), added AS ({ADDED} RETURNING 1)
SELECT (SELECT count(*) FROM noted), (SELECT count(*) FROM added)
"""  # noqa: S608  words of sql.py

SPAN = """
SELECT date_trunc('month', least(min(opened_at), min(closed_at)) AT TIME ZONE %(zone)s)::date,
       (greatest(max(opened_at), max(closed_at)) AT TIME ZONE %(zone)s)::date, count(*) FROM cases_case
"""

COUNTED_ANEW = f"INSERT INTO statistics_cell ({', '.join((*CELLS, *COUNTED))}) SELECT * FROM spread"  # noqa: S608

DIFFERENT = """
WITH noted AS ({parts}), counted AS ({spread}), kept AS (
    SELECT {cells}, {names} FROM statistics_cell
    UNION ALL SELECT * FROM (WITH noted AS (SELECT * FROM statistics_delta) {spread}) AS waiting
), compared AS (
    SELECT {cells}, {minus} FROM counted UNION ALL SELECT {cells}, {names} FROM kept
)
SELECT {cells}, {sums} FROM compared GROUP BY {cells} HAVING {wrong} ORDER BY {cells} LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that is not what counting the cases gives. off: what it has too much, by what is counted."""

    cell: tuple[object, ...]
    off: dict[str, int]


def fold(most: int = MOST) -> int:
    """Fold notes into cells; return how many. 0 as well while another fold or a count is under way."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(FOLD, [most])
        folded: int = cursor.fetchone()[0]
        return folded


def fold_all(most: int = MOST, within_s: float | None = None) -> int:
    """Fold until nothing is left, or the time is over; return how many."""
    whole, end = 0, None if within_s is None else time.monotonic() + within_s
    while folded := fold(most):
        whole += folded
        if folded < most or (end is not None and time.monotonic() > end):
            break
    return whole


def ensure() -> bool:
    """See to it that the triggers are those of this program and of the city's time zone; say whether all was counted anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regprocedure('statistics_note()'), 'pg_proc')")
        if cursor.fetchone()[0] == _mark(_zone()):
            return False
    rebuild()
    return True


def rebuild() -> int:
    """Make the triggers for the city's time zone and count all cases anew; return how many there are. Nobody waits for it
    but who writes a case in the moment the triggers are made."""
    zone = _zone()
    with _alone(), connection.cursor() as cursor:
        with transaction.atomic():
            cursor.execute(DROP + create(zone))
            cursor.execute(f"COMMENT ON FUNCTION statistics_note() IS '{_mark(zone)}'")
        with transaction.atomic():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("DELETE FROM statistics_cell; DELETE FROM statistics_delta")
            counted = _count_all(zone)
        cursor.execute("VACUUM ANALYZE statistics_cell, statistics_delta")
        return counted


def check(most: int = 20) -> list[Difference]:
    """Count all cases and return the cells that say otherwise, at most so many."""
    names = ", ".join(COUNTED)
    text = DIFFERENT.format(
        parts=_noted(_zone()), spread=SPREAD, cells=", ".join(CELLS), names=names, sums=sums(),
        minus=", ".join(f"-{name} AS {name}" for name in COUNTED), wrong=" OR ".join(f"sum({name}) <> 0" for name in COUNTED),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(text, [most])
        width = len(CELLS)
        return [
            Difference(row[:width], {name: off for name, off in zip(COUNTED, row[width:], strict=True) if off})
            for row in cursor.fetchall()
        ]


def _count_all(zone: str) -> int:
    """Count all cases month by month, so that what one adds is in memory and no cell is met twice; return how many."""
    with connection.cursor() as cursor:
        # Sorted, each sheet would compare names by the rules of a language; hashed, all of them take one pass.
        cursor.execute(f"SET LOCAL work_mem = '{MEMORY}'; SET LOCAL enable_sort = off")
        cursor.execute(SPAN, {"zone": zone})
        first, last, cases = cursor.fetchone()
        for month in _months(first, last):
            noted = _noted(zone, _in_month("opened_at", zone), _in_month("closed_at", zone))
            cursor.execute(f"WITH noted AS ({noted}), spread AS ({SPREAD}) {COUNTED_ANEW}", {"month": month})
        counted: int = cases
        return counted


def _months(first: dt.date | None, last: dt.date | None) -> Iterator[dt.date]:
    month = first
    while month is not None and last is not None and month <= last:
        yield month
        month = (month.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def _in_month(moment: str, zone: str) -> str:
    """Return the condition of a local month. The wider span of instants is what an index finds it by."""
    day = f"(c.{moment} AT TIME ZONE '{zone}')::date"
    return (
        f"c.{moment} >= %(month)s::date - interval '1 day' AND c.{moment} < %(month)s::date + interval '1 month 1 day'"
        f" AND {day} >= %(month)s::date AND {day} < %(month)s::date + interval '1 month'"
    )


def _noted(zone: str, where: str = "true", ended_where: str = "") -> str:
    columns = ", ".join((*CELLS[1:], *COUNTED))
    counted = parts("cases_case", zone, where=where, ended_where=ended_where)
    return f"SELECT * FROM ({counted}) AS noted ({columns})"  # noqa: S608


def _zone() -> str:
    return str(config().zone)


def _mark(zone: str) -> str:
    """Return what tells these triggers, and the sheets they fill, from those of another release or zone."""
    return hashlib.sha256(f"{create(zone)}{SPREAD}".encode()).hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of all folding across transactions. Raises Refused inside one."""
    if connection.in_atomic_block:
        raise Refused("Counting all cases anew takes a transaction of its own and was asked for inside another one.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
