# SPDX-License-Identifier: Apache-2.0
"""Events that wait are handed over in their order, each until it is taken; days that have ended are put down as events.

What went over is known only here, and days are long: unlike a formula's run, which is told again tomorrow, it is not dropped when
the other side is away for an hour.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.utils import timezone

from chengyun.config import config
from chengyun.share.exchange import statistics
from chengyun.share.lineage import flows
from chengyun.share.lineage.models import Noted, Waiting
from chengyun.share.lineage.telling import Teller

__all__ = ["hand_over", "note_days"]

AT_A_TIME = 200
KEPT_DAYS = 30
"""How long an event waits for somebody to take it."""
BACK_DAYS = 7
"""How far back days are put down after nobody was to be told for a while."""
log = logging.getLogger("chengyun.lineage")

_BY_DAY: dict[str, Callable[[dt.date], Iterator[dict[str, Any]]]] = {"exchange": flows.given_on, "forms": flows.accepted_on}


def note_days(now: dt.datetime) -> int:
    """Put down the days that have ended and are not put down yet; return how many events that came to.

    The first time, yesterday. Each day in one transaction, so it is put down once.
    """
    today = (now - statistics.SETTLES).astimezone(config().zone).date()
    made = 0
    for what, told_on in _BY_DAY.items():
        known, _new = Noted.objects.get_or_create(what=what, defaults={"until": today - dt.timedelta(days=1)})
        day = max(known.until, today - dt.timedelta(days=BACK_DAYS))
        while day < today:
            with transaction.atomic():
                events = [Waiting(event=one) for one in told_on(day)]
                Waiting.objects.bulk_create(events)
                day += dt.timedelta(days=1)
                Noted.objects.filter(what=what).update(until=day)
            made += len(events)
    return made


def hand_over(teller: Teller) -> int:
    """Hand over what waits, the oldest first, until one is not taken; return how many were."""
    Waiting.objects.filter(made_at__lt=timezone.now() - dt.timedelta(days=KEPT_DAYS)).delete()
    taken = 0
    for one in Waiting.objects.order_by("id")[:AT_A_TIME]:
        if not teller.hand_over(one.event):
            break
        one.delete()
        taken += 1
    return taken
