# SPDX-License-Identifier: Apache-2.0
"""From when anybody may see that something was reported: at once, later, or never, by the category's embargo."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from chengyun.access import audit
from chengyun.access.actors import SYSTEM
from chengyun.cases.intake.models import Embargo

__all__ = ["end", "impose", "public_from"]


def public_from(category: str, accepted_at: dt.datetime) -> dt.datetime | None:
    """Return from when a report of a category is public; None: never. The embargo of the longest prefix counts."""
    rows = Embargo.objects.filter(since__lte=accepted_at).exclude(until__lte=accepted_at)
    fitting = [one for one in rows if category.startswith(one.category)]
    if not fitting:
        return accepted_at
    days = max(fitting, key=lambda one: len(one.category)).days
    return None if days is None else accepted_at + dt.timedelta(days=days)


def impose(category: str, days: int | None, reason: str, now: dt.datetime) -> Embargo:
    """Keep reports of categories off the map from now on; an embargo of the same categories ends. days: None: for good."""
    with transaction.atomic():
        end(category, reason, now)
        made = Embargo.objects.create(category=category, days=days, reason=reason[:200], since=now)
        audit.record(SYSTEM, "embargo.impose", "reports", category, detail={"days": days, "reason": reason})
    return made


def end(category: str, reason: str, now: dt.datetime) -> int:
    """End the embargo of categories from now on; return how many there were."""
    with transaction.atomic():
        ended = Embargo.objects.filter(category=category, until=None).update(until=now)
        if ended:
            audit.record(SYSTEM, "embargo.end", "reports", category, detail={"reason": reason})
    return ended
