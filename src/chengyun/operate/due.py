# SPDX-License-Identifier: Apache-2.0
"""What must be computed: windows of indicators that new data, changed figures or a new formula touched.

Every step is one transaction that takes a note away and writes the notes that follow from it, so a process that dies
between two steps leaves nothing undone: touched day → due windows → figures and the due windows of those who use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Max, Q

from chengyun.city import City
from chengyun.operate.alert_store import statement
from chengyun.operate.models import DueWindow
from chengyun.operate.order import followers
from chengyun.operate.periods import window_of

__all__ = ["Due", "add", "done", "due", "failed", "held_back", "indicators", "take_touched"]

LONGEST_WAIT = dt.timedelta(minutes=10)
AT_ONCE = 64
"""Windows looked at together: more than one query computes, so that years that wait are not read again for every month."""


class Due(NamedTuple):
    """A window that waits. mark: given back when done, so that a touch in between is not lost."""

    start: dt.date
    mark: int
    attempts: int


def take_touched(city: City) -> int:
    """Turn the touched days of streams into due windows; return how many days there were."""
    reads = followers(city)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement("take_touched"))
        days = cursor.fetchall()
        add((key, window_of(city.indicators[key].period, day)) for stream, day in days for key in reads.get(stream, ()))
    return len(days)


def add(windows: Iterable[tuple[str, dt.date]]) -> int:
    """Make windows due, now; return how many."""
    wanted = sorted(set(windows))
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(statement("add_due"), [[key for key, _ in wanted], [start for _, start in wanted]])
    return len(wanted)


def indicators() -> set[str]:
    """Return the indicators that have windows waiting."""
    return set(DueWindow.objects.order_by().values_list("indicator", flat=True).distinct())


def due(now: dt.datetime, indicator: str, most: int = AT_ONCE) -> list[Due]:
    """Return the newest windows of an indicator that wait, without those that failed lately."""
    rows = DueWindow.objects.filter(_ready(now), indicator=indicator).order_by("-start")
    return [Due(*row) for row in rows.values_list("start", "mark", "attempts")[:most]]


def held_back(now: dt.datetime, upstream: Collection[str], since: dt.date, until: dt.date) -> bool:
    """Say whether windows of these indicators that start in [since, until) wait, other than those that failed lately."""
    return DueWindow.objects.filter(_ready(now), indicator__in=upstream, start__gte=since, start__lt=until).exists()


def done(indicator: str, windows: Iterable[Due]) -> None:
    """Forget windows that were computed and not touched since. Call inside the transaction that writes their figures."""
    given = list(windows)
    with connection.cursor() as cursor:
        cursor.execute(statement("done_due"), [[one.start for one in given], [one.mark for one in given], indicator])


def failed(indicator: str, now: dt.datetime) -> None:
    """Put an indicator's windows off: 10 s after the first failure, twice as long after each further one, 10 minutes at most."""
    rows = DueWindow.objects.filter(_ready(now), indicator=indicator)
    attempts = rows.aggregate(most=Max("attempts"))["most"] or 0
    wait = min(LONGEST_WAIT, dt.timedelta(seconds=10 * 2 ** min(10, attempts)))
    rows.update(attempts=attempts + 1, not_before=now + wait)


def _ready(now: dt.datetime) -> Q:
    return Q(not_before=None) | Q(not_before__lte=now)
