# SPDX-License-Identifier: Apache-2.0
"""Indicators, computed where new data touched them: the cost follows what is new, not what there is.

    touched days ──▶ due windows ──▶ for each level of indicators, those that others use first:
        chunks of neighbouring windows, together where they read the same ──▶ SQL over one consistent view ──▶ rule ──▶ figures
        ──▶ one transaction: new versions, the windows of those who use them, alerts, and the windows are no longer due

One evaluation runs at a time in a database. A formula that fails is noted and tried again later; the others go on.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection

from chengyun.city import City
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.operate import compute, due, formulas, grouping, hooks
from chengyun.operate.grouping import Answer, Planned
from chengyun.operate.models import IndicatorRun
from chengyun.operate.order import followers, levels, upstream
from chengyun.operate.periods import Chunk

__all__ = ["Evaluation", "Ran", "alone", "evaluate", "keep", "note"]

LOCK = 0x6F706572
"""Key of the advisory lock ("oper" in ASCII): figures have one writer."""

MONTH, YEAR = 31, 366
"""Days of one query, at least and at most, where so many wait."""
ROWS_AT_ONCE = 60_000
"""Figures of one query, about: some seconds of work, so that figures of today do not wait long behind years of history."""

log = logging.getLogger("chengyun.operate")


@dataclass(frozen=True, slots=True)
class Ran:
    """One query of one indicator. error: empty when it went well."""

    indicator: str
    since: dt.datetime
    until: dt.datetime
    rows: int
    changed: int
    error: str = ""


@dataclass(slots=True)
class Evaluation:
    """What one evaluation did. busy: another one was running, so nothing was done."""

    ran: list[Ran] = field(default_factory=list)
    busy: bool = False

    @property
    def changed(self) -> int:
        return sum(one.changed for one in self.ran)


def evaluate(now: dt.datetime, city: City | None = None, *, within: dt.timedelta | None = None) -> Evaluation:
    """Bring every figure up to date with the observations committed before the call.

    within: stop between two queries after so long; what is left stays due. Newest windows come first in every round, so
    that live figures do not wait while years of history are loaded.
    """
    from chengyun.settings import CITY

    city = city or CITY
    done = Evaluation()
    end = None if within is None else time.monotonic() + within.total_seconds()
    with alone() as held:
        if not held:
            done.busy = True
            return done
        formulas.meet(city, now)
        touched = due.take_touched(city, now.astimezone(config().zone).date())
        with compute.Inputs(city) as opened:
            _Rounds(city, touched, now, opened, done, end).run()
    return done


class _Rounds:
    """Rounds over what is due, level by level, until nothing is or the time is over."""

    def __init__(
        self, city: City, touched: due.Touched, now: dt.datetime, opened: compute.Inputs, done: Evaluation, end: float | None
    ) -> None:
        self._city, self._touched, self._now, self._opened = city, touched, now, opened
        self._done, self._end = done, end
        self._follow, self._levels = followers(city), levels(city)
        self._judged = grouping.watched(city)
        self._waiting: set[str] = set()

    def run(self) -> None:
        days = MONTH
        # Of an indicator that is gone from the packs a window may be left over.
        self._waiting = due.indicators() & self._city.indicators.keys()
        while self._waiting:
            first = len(self._done.ran)
            for level in self._levels:
                if not self._run_level([key for key in level if key in self._waiting], days):
                    return
            days = _days_at_once(self._city, self._done.ran[first:])

    def _run_level(self, indicators: Sequence[str], days: int) -> bool:
        """Compute the newest chunk of each of these indicators; say whether there is time for more."""
        planned = self._planned(indicators, days)
        for group in grouping.groups(self._city, planned):
            self._run_group(group)
            if self._end is not None and time.monotonic() > self._end:
                return False
        return True

    def _planned(self, indicators: Sequence[str], days: int) -> list[Planned]:
        planned = []
        waits = due.newest(self._now, indicators, max(due.AT_ONCE, days)) if indicators else {}
        for indicator in indicators:
            try:
                one = grouping.plan(self._city, indicator, waits.get(indicator, []), self._touched, self._now, days)
            except Exception as error:  # a pack's tables may be wrong in any way, and the other indicators must go on
                self._fail(indicator, self._now, self._now, error, 0.0)
                continue
            if one is not None:
                planned.append(one)
            # What is held back waits for indicators that come before it, and so as long as they do.
            elif not self._waiting.intersection(upstream(self._city, indicator)):
                self._waiting.discard(indicator)
        return planned

    def _run_group(self, group: Sequence[Planned]) -> None:
        begun = time.monotonic()
        try:
            answers = grouping.answer(self._city, group, self._touched, self._opened)
            kept = grouping.keep(self._city, answers, self._follow, self._now, self._judged)
        except Exception as error:  # a pack's formula may fail in any way, and the other indicators must go on
            if len(group) > 1:
                for one in group:
                    self._run_group([one])
            else:
                part = group[0].part
                self._fail(group[0].indicator, part.since, part.until, error, time.monotonic() - begun)
            return
        share = (time.monotonic() - begun) / len(group)
        ran = [Ran(one.planned.indicator, one.planned.part.since, one.planned.part.until, one.rows, one.changed) for one in kept]
        self._done.ran += notes(ran, self._now, share)
        for done in kept:
            if done.changed:
                self._waiting |= set(self._follow.get(done.planned.indicator, []))

    def _fail(self, indicator: str, since: dt.datetime, until: dt.datetime, error: Exception, took: float) -> None:
        text = error.sentence if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
        log.warning("%s could not be computed from %s to %s: %s", indicator, since, until, text)
        due.failed(indicator, self._now)
        self._done.ran += notes([Ran(indicator, since, until, 0, 0, text[:2000])], self._now, took)


def _days_at_once(city: City, ran: Sequence[Ran]) -> int:
    """Return how many days one query may take after a round: years of few stations together, of many not."""
    densest = 0.0
    for one in ran:
        declared = city.indicators[one.indicator]
        if one.rows and declared.period in ("hour", "day"):
            # A day's figure is made of the hours its formula reads.
            read = one.rows * (24 if declared.period == "day" and declared.streams else 1)
            densest = max(densest, read * dt.timedelta(days=1) / (one.until - one.since))
    return max(MONTH, min(YEAR, int(ROWS_AT_ONCE / densest))) if densest else MONTH


def keep(
    city: City,
    indicator: str,
    part: Chunk,
    figures: Sequence[compute.Computed],
    as_of: Mapping[str, int],
    windows: Sequence[due.Due],
    follow: Sequence[str],
    now: dt.datetime,
) -> Ran:
    """Write the figures of one chunk that were computed elsewhere; see grouping.keep. windows: due no longer."""
    [one] = grouping.keep(city, [Answer(Planned(indicator, part, tuple(windows)), figures, as_of)], {indicator: follow}, now)
    return Ran(indicator, part.since, part.until, one.rows, one.changed)


def note(one: Ran, now: dt.datetime, duration_s: float) -> Ran:
    """Write down that a query ran, and tell those who listen."""
    return notes([one], now, duration_s)[0]


def notes(ran: Sequence[Ran], now: dt.datetime, duration_s: float) -> Sequence[Ran]:
    """Write down that queries ran, each so long, and tell those who listen."""
    IndicatorRun.objects.bulk_create(
        IndicatorRun(
            indicator=one.indicator, since=one.since, until=one.until, started_at=now, duration_s=duration_s,
            rows=one.rows, changed=one.changed, error=one.error,
        )
        for one in ran
    )  # fmt: skip
    for tell in hooks.after_run:
        for one in ran:
            tell(one.indicator, one.since, one.until, now, duration_s, one.rows, one.error)
    return ran


@contextmanager
def alone() -> Iterator[bool]:
    """Be the one evaluation of this database, or learn that another one is running."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
