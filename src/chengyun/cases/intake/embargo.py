# SPDX-License-Identifier: Apache-2.0
"""From when anybody may see that something was reported: at once, later, or never, by the category's embargo."""

from __future__ import annotations

import datetime as dt

from chengyun.cases.intake.models import Embargo

__all__ = ["public_from"]


def public_from(category: str, accepted_at: dt.datetime) -> dt.datetime | None:
    """Return from when a report of a category is public; None: never. The embargo of the longest prefix counts."""
    rows = Embargo.objects.filter(since__lte=accepted_at).exclude(until__lte=accepted_at)
    fitting = [one for one in rows if category.startswith(one.category)]
    if not fitting:
        return accepted_at
    days = max(fitting, key=lambda one: len(one.category)).days
    return None if days is None else accepted_at + dt.timedelta(days=days)
