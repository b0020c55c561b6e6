# SPDX-License-Identifier: Apache-2.0
"""From notes to cells: folding what has come, counting all cases anew, and proving that both say the same.

One at a time. A fold that is cut off has done nothing: notes are deleted and cells changed in one transaction. All cases are
counted in one snapshot, in which a case and its note are both there or neither is, so nobody has to stop working meanwhile.
"""

from __future__ import annotations

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

CHUNK = 250_000
"""Cases counted by one statement."""

LOCK = 4_128_365

FOLD = f"""
WITH noted AS (
    DELETE FROM statistics_delta WHERE id IN (SELECT id FROM statistics_delta ORDER BY id LIMIT %s) RETURNING *
), spread AS ({SPREAD}), added AS ({ADDED} RETURNING 1)
SELECT (SELECT count(*) FROM noted), (SELECT count(*) FROM added)
"""  # noqa: S608  words of sql.py

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
            return _count_all(zone)


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
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(min(id), 1), coalesce(max(id), 0), count(*) FROM cases_case")
        first, last, cases = cursor.fetchone()
        for begin in range(first, last + 1, CHUNK):
            where = f"c.id >= {begin} AND c.id < {begin + CHUNK}"
            cursor.execute(f"WITH noted AS ({_noted(zone, where)}), spread AS ({SPREAD}) {ADDED}")
        counted: int = cases
        return counted


def _noted(zone: str, where: str = "true") -> str:
    columns = ", ".join((*CELLS[1:], *COUNTED))
    return f"SELECT * FROM ({parts('cases_case', zone, where=where)}) AS noted ({columns})"  # noqa: S608


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
