# SPDX-License-Identifier: Apache-2.0
"""As known then: which moments are settled, and what was known at them.

A moment is settled when nothing that will say it was known by then is still being written: the writers' stamps are the
database's clock, taken under their table's lock, so it is enough that no transaction begun by that moment holds such a lock.
From then on the same moment gives the same answer for ever.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from chengyun.errors import Refused, Unavailable
from chengyun.operate.boards.models import FigureMark, Remembered

__all__ = [
    "Figure", "Known", "Step", "courses", "details", "figures_at", "figures_newest", "known_at", "leading", "remembered",
    "settle",
]  # fmt: skip

WAIT_S = 3.0
WRITTEN = (
    "operate_figure", "operate_alert", "cases_case", "boards_boardversion", "boards_annotation", "boards_definition",
)  # fmt: skip
"""Tables whose rows carry moments of knowledge."""

BUSY = """
SELECT clock_timestamp(), EXISTS (
    SELECT FROM pg_locks AS held JOIN pg_stat_activity AS who USING (pid)
    WHERE held.locktype = 'relation' AND held.mode = 'RowExclusiveLock' AND held.granted
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND held.relation = ANY (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)
        AND held.pid <> pg_backend_pid() AND coalesce(who.xact_start <= %s, true)
)
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What a board is shown as of. at: the moment; now: whether it is the present, which still changes.

    mark: figures with ids up to this were known; None: those that are current.
    """

    at: dt.datetime
    now: bool
    mark: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it was known."""

    id: int
    indicator: str
    subject: str
    area_code: str
    period_start: dt.datetime
    value: float | None
    coverage: float | None
    simulated: bool
    computed_at: dt.datetime


class Step(NamedTuple):
    """A figure as a line is drawn from it."""

    period_start: dt.datetime
    id: int
    value: float | None
    area_code: str


def known_at(at: dt.datetime | None, now: dt.datetime) -> Known:
    """Return what is known at a moment; None: now. Raises Refused for the future, Unavailable when it does not settle."""
    if at is None:
        return Known(now, True, None)
    settle(at)
    upto = FigureMark.objects.filter(at__lte=at).order_by("-at", "-id").values_list("upto", flat=True).first()
    return Known(at, False, upto or 0)


def settle(at: dt.datetime) -> None:
    """Wait until nothing is being written that was known by a moment."""
    until = time.monotonic() + WAIT_S
    while True:
        with connection.cursor() as cursor:
            cursor.execute(BUSY, [list(WRITTEN), at])
            clock, busy = cursor.fetchone()
        if at > clock:
            raise Refused(_("这一时刻还没有到。请选择过去的时间。"), code="future")
        if not busy:
            return
        if time.monotonic() > until:
            raise Unavailable(_("这一时刻的数据还在写入，请稍后再看。"), code="unsettled")
        time.sleep(0.05)


NEWEST = """
WITH wanted AS (SELECT * FROM unnest(%(indicators)s::text[], %(subjects)s::text[]) AS wanted (indicator, subject))
SELECT one.id, one.indicator, one.subject, one.area_code, one.period_start, one.value, one.coverage, one.simulated,
    one.computed_at
FROM wanted, LATERAL (
    SELECT * FROM operate_figure AS figure WHERE figure.indicator = wanted.indicator AND figure.subject = wanted.subject
        AND figure.superseded_at IS NULL AND figure.period_start <= %(at)s
        AND (%(mark)s::bigint IS NULL OR figure.id <= %(mark)s) ORDER BY figure.period_start DESC LIMIT 3
) AS one
"""
DEPTH = 3
"""The newest, the one before where the newest is of a period that lasts, and what its change is counted from."""

FORMER = """
SELECT id, indicator, subject, area_code, period_start, value, coverage, simulated, computed_at FROM operate_figure
WHERE superseded_at IS NOT NULL AND indicator = ANY (%(indicators)s) AND subject = ANY (%(subjects)s)
    AND period_start >= %(since)s AND period_start <= %(at)s AND id <= %(mark)s AND until_id > %(mark)s
"""
"""Figures of then that have been replaced since."""

COURSES = """
WITH wanted AS (
    SELECT * FROM unnest(%(indicators)s::text[], %(subjects)s::text[], %(sinces)s::timestamptz[])
        AS wanted (indicator, subject, since)
)
SELECT wanted.indicator, wanted.subject, (extract(epoch FROM figure.period_start) * 1000000)::bigint, figure.id, figure.value,
    figure.area_code
FROM wanted JOIN operate_figure AS figure ON figure.indicator = wanted.indicator AND figure.subject = wanted.subject
    AND figure.period_start >= wanted.since
WHERE figure.superseded_at IS NULL AND figure.period_start <= %(at)s AND (%(mark)s::bigint IS NULL OR figure.id <= %(mark)s)
"""
"""Moments as whole numbers: there are thousands, and each takes longer to read from its text than all else about it."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

AT = """
WITH wanted AS (
    SELECT * FROM unnest(%(indicators)s::text[], %(subjects)s::text[], %(starts)s::timestamptz[])
        AS wanted (indicator, subject, period_start)
)
SELECT id, indicator, subject, area_code, period_start, value, coverage, simulated, computed_at
FROM operate_figure JOIN wanted USING (indicator, subject, period_start)
WHERE (superseded_at IS NULL AND (%(mark)s::bigint IS NULL OR id <= %(mark)s))
    OR (superseded_at IS NOT NULL AND id <= %(mark)s AND until_id > %(mark)s)
"""

LAST_PERIOD = """
SELECT max(period_start) FROM (
    (SELECT period_start FROM operate_figure WHERE superseded_at IS NULL AND indicator = %(indicator)s AND value IS NOT NULL
        AND period_start <= %(at)s AND (%(mark)s::bigint IS NULL OR id <= %(mark)s) ORDER BY period_start DESC LIMIT 1)
    UNION ALL
    (SELECT period_start FROM operate_figure WHERE superseded_at IS NOT NULL AND indicator = %(indicator)s AND value IS NOT NULL
        AND period_start <= %(at)s AND id <= %(mark)s AND until_id > %(mark)s ORDER BY period_start DESC LIMIT 1)
) AS either
"""

LEADING = """
SELECT subject FROM operate_figure WHERE indicator = %(indicator)s AND period_start = %(start)s AND value IS NOT NULL
    AND starts_with(area_code, %(area)s)
    AND ((superseded_at IS NULL AND (%(mark)s::bigint IS NULL OR id <= %(mark)s))
        OR (superseded_at IS NOT NULL AND id <= %(mark)s AND until_id > %(mark)s))
ORDER BY value * %(sense)s DESC, subject LIMIT %(limit)s
"""

LONG_AGO = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


def figures_newest(pairs: Sequence[tuple[str, str]], known: Known) -> dict[tuple[str, str], list[Figure]]:
    """Return the three newest figures of each (indicator, subject) whose period had begun, newest first."""
    if not pairs:
        return {}
    given = {
        "indicators": [one for one, _subject in pairs], "subjects": [subject for _one, subject in pairs],
        "at": known.at, "mark": known.mark,
    }  # fmt: skip
    rows = _asked(NEWEST, given)
    found: dict[tuple[str, str], dict[dt.datetime, Figure]] = {pair: {} for pair in pairs}
    for one in rows:
        found[one.indicator, one.subject][one.period_start] = one
    if known.mark is not None:
        # What has been replaced since can only be newer than the last of those that have not.
        since = min((min(ones) if len(ones) == DEPTH else LONG_AGO for ones in found.values()), default=LONG_AGO)
        for one in _asked(FORMER, {**given, "since": since}):
            if (one.indicator, one.subject) in found:
                found[one.indicator, one.subject][one.period_start] = one
    return {pair: [ones[start] for start in sorted(ones, reverse=True)[:DEPTH]] for pair, ones in found.items()}


def courses(wanted: Mapping[tuple[str, str], dt.datetime], known: Known) -> dict[tuple[str, str], list[Step]]:
    """Return the figures of each (indicator, subject) whose periods start from a moment of its own on, oldest first."""
    found: dict[tuple[str, str], list[Step]] = {pair: [] for pair in wanted}
    if not wanted:
        return found
    given: dict[str, Any] = {
        "indicators": [one for one, _subject in wanted], "subjects": [subject for _one, subject in wanted],
        "sinces": list(wanted.values()), "since": min(wanted.values()), "at": known.at, "mark": known.mark,
    }  # fmt: skip
    moments: dict[int, dt.datetime] = {}  # lines share most of theirs
    with connection.cursor() as cursor:
        cursor.execute(COURSES, given)
        for indicator, subject, since_epoch_us, *rest in cursor.fetchall():
            start = moments.get(since_epoch_us)
            if start is None:
                start = moments[since_epoch_us] = EPOCH + dt.timedelta(microseconds=since_epoch_us)
            found[indicator, subject].append(Step(start, *rest))
    if known.mark is not None:
        for one in _asked(FORMER, given):
            pair = one.indicator, one.subject
            if pair in wanted and one.period_start >= wanted[pair]:
                found[pair].append(Step(one.period_start, one.id, one.value, one.area_code))
    for steps in found.values():
        steps.sort()
    return found


def figures_at(
    wanted: Sequence[tuple[str, str, dt.datetime]], known: Known
) -> dict[tuple[str, str, dt.datetime], Figure]:  # fmt: skip
    """Return the figures of given (indicator, subject, start of the period), those there are."""
    if not wanted:
        return {}
    indicators, subjects, starts = (list(column) for column in zip(*wanted, strict=True))
    given = {"indicators": indicators, "subjects": subjects, "starts": starts, "mark": known.mark}
    return {(one.indicator, one.subject, one.period_start): one for one in _asked(AT, given)}


def leading(indicator: str, area: str, known: Known, limit: int, *, lowest: bool) -> list[str]:
    """Return the subjects in an area ("": anywhere) with the highest, or lowest, figures of an indicator's newest period."""
    given: dict[str, Any] = {"indicator": indicator, "at": known.at, "mark": known.mark, "area": area, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(LAST_PERIOD, given)
        (start,) = cursor.fetchone()
        if start is None:
            return []
        cursor.execute(LEADING, {**given, "start": start, "sense": -1 if lowest else 1})
        return [subject for (subject,) in cursor.fetchall()]


def details(figures: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return what figures say beside their values, by id. A figure never changes."""
    if not figures:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, detail FROM operate_figure WHERE id = ANY (%s)", [list(figures)])
        return {ident: json.loads(detail) if isinstance(detail, str) else detail for ident, detail in cursor.fetchall()}


def remembered(kind: str, known: Known, visible: Q) -> list[tuple[int, dict[str, Any], str, str]]:
    """Return what was open: (its id, as it stood, its dataset, its area's code), by id. visible: the reader's condition."""
    rows = Remembered.objects.filter(visible, kind=kind, since__lte=known.at)
    # The index is on this very expression.
    then: dict[str, Any] = {"where": ["tstzrange(since, until) @> %s"], "params": [known.at]}
    rows = rows.filter(until=None) if known.now else rows.extra(**then)
    return list(rows.order_by("thing").values_list("thing", "row", "dataset", "area_code"))


def _asked(text: str, given: dict[str, Any]) -> Iterator[Figure]:
    with connection.cursor() as cursor:
        cursor.execute(text, given)
        for row in cursor.fetchall():
            yield Figure(*row)
