# SPDX-License-Identifier: Apache-2.0
"""What must be computed: windows of indicators that new data, changed figures or a new formula touched.

Every step is one transaction that takes a note away and writes the notes that follow from it, so a process that dies
between two steps leaves nothing undone: touched day → due windows → figures and the due windows of those who use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Max, Q

from chengyun.city import City
from chengyun.operate.alert_store import statement
from chengyun.operate.models import DueWindow
from chengyun.operate.order import followers
from chengyun.operate.periods import moved_windows

__all__ = ["Due", "Touched", "add", "done", "done_together", "due", "failed", "held_back", "indicators", "newest", "take_touched"]

LONGEST_WAIT = dt.timedelta(minutes=10)
AT_ONCE = 64
"""Windows looked at together: more than one query computes, so that years that wait are not read again for every month."""


class Due(NamedTuple):
    """A window that waits. mark: given back when done, so that a touch in between is not lost."""

    start: dt.date
    mark: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Touched:
    """What new rows made due. fresh: windows that were not due before. after: stream → the seq up to which its rows are in
    figures already, or in windows that were due before; a stream that is not there has none."""

    fresh: frozenset[tuple[str, dt.date]]
    after: Mapping[str, int]


def take_touched(city: City, today: dt.date) -> Touched:
    """Turn the touched days of streams into due windows. today: the newest day whose figures a day before it may move."""
    reads = followers(city)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("take_touched"))
        days = cursor.fetchall()
        newest = {stream: seq for stream, _, seq in days}
        cursor.execute(statement("keep_taken"), [list(newest), list(newest.values())])
        after = dict(cursor.fetchall())
        fresh = add(
            (key, window)
            for stream, day, _ in days
            for key in reads.get(stream, ())
            for window in moved_windows(city.indicators[key].period, city.indicators[key].looks_back, day, today)
        )
    return Touched(frozenset(fresh), after)


def add(windows: Iterable[tuple[str, dt.date]]) -> set[tuple[str, dt.date]]:
    """Make windows due, now; return those that were not due before."""
    wanted = sorted(set(windows))
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(statement("add_due"), [[key for key, _ in wanted], [start for _, start in wanted]])
        return {(key, start) for key, start, new in cursor.fetchall() if new}


def indicators() -> set[str]:
    """Return the indicators that have windows waiting."""
    return set(DueWindow.objects.order_by().values_list("indicator", flat=True).distinct())


def due(now: dt.datetime, indicator: str, most: int = AT_ONCE) -> list[Due]:
    """Return the newest windows of an indicator that wait, without those that failed lately."""
    rows = DueWindow.objects.filter(_ready(now), indicator=indicator).order_by("-start")
    return [Due(*row) for row in rows.values_list("start", "mark", "attempts")[:most]]


def newest(now: dt.datetime, indicators: Collection[str], most: int = AT_ONCE) -> dict[str, list[Due]]:
    """Return what `due` returns of each of these indicators, in one query; those without a window are not there."""
    found: dict[str, list[Due]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement("newest_due"), {"indicators": sorted(indicators), "now": now, "most": most})
        for indicator, *row in cursor.fetchall():
            found.setdefault(indicator, []).append(Due(*row))
    return found


def held_back(now: dt.datetime, upstream: Collection[str], since: dt.date, until: dt.date) -> bool:
    """Say whether windows of these indicators that start in [since, until) wait, other than those that failed lately."""
    return DueWindow.objects.filter(_ready(now), indicator__in=upstream, start__gte=since, start__lt=until).exists()


def done(indicator: str, windows: Iterable[Due]) -> None:
    """Forget windows that were computed and not touched since. Call inside the transaction that writes their figures."""
    done_together({indicator: list(windows)})


def done_together(windows: Mapping[str, Sequence[Due]]) -> None:
    """Forget the windows of several indicators, as `done` does."""
    given = [(indicator, one.start, one.mark) for indicator, own in windows.items() for one in own]
    if given:
        with connection.cursor() as cursor:
            cursor.execute(statement("done_due"), [list(column) for column in zip(*given, strict=True)])


def failed(indicator: str, now: dt.datetime) -> None:
    """Put an indicator's windows off: 10 s after the first failure, twice as long after each further one, 10 minutes at most."""
    rows = DueWindow.objects.filter(_ready(now), indicator=indicator)
    attempts = rows.aggregate(most=Max("attempts"))["most"] or 0
    wait = min(LONGEST_WAIT, dt.timedelta(seconds=10 * 2 ** min(10, attempts)))
    rows.update(attempts=attempts + 1, not_before=now + wait)


def _ready(now: dt.datetime) -> Q:
    return Q(not_before=None) | Q(not_before__lte=now)
