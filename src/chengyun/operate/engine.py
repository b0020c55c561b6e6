# SPDX-License-Identifier: Apache-2.0
"""Indicators, computed where new data touched them: the cost follows what is new, not what there is.

    touched days ──▶ due windows ──▶ for each indicator, those it uses first:
        chunks of neighbouring windows ──▶ SQL over one consistent view ──▶ rule ──▶ figures
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

from django.db import connection, transaction

from chengyun.city import City
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.operate import compute, due, formulas, hooks, store, watch
from chengyun.operate.models import IndicatorRun
from chengyun.operate.order import followers, indicator_order, inputs, upstream
from chengyun.operate.periods import Chunk, chunks, window_bounds, window_of

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
    begun = time.monotonic()
    with alone() as held:
        if not held:
            done.busy = True
            return done
        formulas.meet(city, now)
        due.take_touched(city)
        follow = followers(city)
        with compute.Inputs(city) as opened:
            waiting = due.indicators()
            days = MONTH
            while waiting:
                first = len(done.ran)
                for indicator in indicator_order(city):
                    if indicator not in waiting:
                        continue
                    one = _bring_up(city, indicator, follow.get(indicator, []), now, opened, days)
                    if one is None:
                        # What is held back waits for indicators that come before it, and so as long as they do.
                        if not waiting.intersection(upstream(city, indicator)):
                            waiting.discard(indicator)
                        continue
                    done.ran.append(one)
                    if one.changed:
                        waiting |= set(follow.get(indicator, []))
                    if within is not None and time.monotonic() - begun > within.total_seconds():
                        return done
                days = _days_at_once(city, done.ran[first:])
    return done


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


def _bring_up(
    city: City, indicator: str, follow: Sequence[str], now: dt.datetime, opened: compute.Inputs, days: int
) -> Ran | None:
    """Compute the newest chunk of an indicator's due windows; None when none is due. days: that go together at most."""
    by_start = {one.start: one for one in due.due(now, indicator, max(due.AT_ONCE, days))}
    period, zone = city.indicators[indicator].period, config().zone
    if period in ("month", "year"):
        # Computed once the days it is made of have settled, not again for every chunk of them.
        finer = upstream(city, indicator)
        for start in list(by_start):
            since, until = (one.astimezone(zone).date() for one in window_bounds(period, start, zone))
            if due.held_back(now, finer, since, until):
                del by_start[start]
    if not by_start:
        return None
    begun = time.monotonic()
    since = until = now
    try:
        parts = chunks(period, by_start, zone, lambda day: compute.parameters(city, indicator, day), days)
        due.done(indicator, [by_start[start] for start in by_start.keys() - {start for part in parts for start in part.starts}])
        if not parts:
            return None
        since, until = parts[0].since, parts[0].until
        one = _run(city, indicator, parts[0], [by_start[start] for start in parts[0].starts], follow, now, opened)
    except Exception as error:  # a pack's formula may fail in any way, and the other indicators must go on
        text = error.sentence if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
        log.warning("%s could not be computed from %s to %s: %s", indicator, since, until, text)
        due.failed(indicator, now)
        one = Ran(indicator, since, until, 0, 0, text[:2000])
    return note(one, now, time.monotonic() - begun)


def _run(
    city: City,
    indicator: str,
    part: Chunk,
    windows: Sequence[due.Due],
    follow: Sequence[str],
    now: dt.datetime,
    opened: compute.Inputs,
) -> Ran:
    _, uses = inputs(city, indicator)
    seen = store.newest_id()
    used = {key: store.used_figures(key, part.since, part.until) for key in uses}
    view = opened.open(indicator, part.since, part.until, used)
    figures = compute.compute(city, indicator, view, part.since, part.until, part.parameters, config().zone)
    as_of = dict(view.seqs) | ({"figures": seen} if uses else {})
    return keep(city, indicator, part, figures, as_of, windows, follow, now)


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
    """Write the figures of a chunk that differ from what is current, and what follows from them, in one transaction.

    figures: all the formula says of the chunk. as_of: stream → seq they were computed at. windows: due no longer.
    follow: indicators that use this one. The caller is the one writer of figures.
    """
    zone, version = config().zone, city.indicators[indicator].version
    before = store.current(indicator, part.since, part.until)
    fresh, kept = [], set()
    for one in figures:
        known = before.get((one.subject, one.period_start))
        if known and known[1] == version and known[2].same(one):
            kept.add((one.subject, one.period_start))
        else:
            fresh.append(one)
    gone = {key: ident for key, (ident, _, _) in before.items() if key not in kept}
    moved = {start for _, start in gone} | {one.period_start for one in fresh}
    with transaction.atomic():
        if fresh or gone:
            areas = store.area_codes(city, indicator, (one.subject for one in fresh))
            store.write(indicator, fresh, gone.values(), areas=areas, as_of=as_of, version=version, now=now)
            store.tell(indicator, fresh, areas)
            days = {start.astimezone(zone).date() for start in moved}
            due.add((key, window_of(city.indicators[key].period, day)) for key in follow for day in days)
            watch.judge_figures(city, indicator, {one.subject for one in fresh}, now)
        due.done(indicator, windows)
    changed = {(one.subject, one.period_start) for one in fresh} | gone.keys()
    return Ran(indicator, part.since, part.until, len(figures), len(changed))


def note(one: Ran, now: dt.datetime, duration_s: float) -> Ran:
    """Write down that a query ran, and tell those who listen."""
    IndicatorRun.objects.create(
        indicator=one.indicator, since=one.since, until=one.until, started_at=now, duration_s=duration_s,
        rows=one.rows, changed=one.changed, error=one.error,
    )  # fmt: skip
    for tell in hooks.after_run:
        tell(one.indicator, one.since, one.until, now, duration_s, one.rows, one.error)
    return one


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
