# SPDX-License-Identifier: Apache-2.0
"""Days and moments as people type them and addresses say them: none so far off that nothing can be counted from it."""

from __future__ import annotations

import datetime as dt

from chengyun.config import config

__all__ = ["day_of", "moment_of"]

FIRST, LAST = 1900, 2999
"""Years that are read. Beyond them the day before, the day after or a time zone may leave the calendar."""


def day_of(text: str) -> dt.date:
    """Return the day a text says, as ISO 8601. Raises ValueError for what is none, and outside 1900 to 2999."""
    found = dt.date.fromisoformat(text)
    _near(found.year)
    return found


def moment_of(text: str) -> dt.datetime:
    """Return the moment a text says, as ISO 8601; without an offset in the city's time. Raises ValueError as day_of does."""
    found = dt.datetime.fromisoformat(text)
    _near(found.year)
    return found if found.tzinfo is not None else found.replace(tzinfo=config().zone)


def _near(year: int) -> None:
    if not FIRST <= year <= LAST:
        raise ValueError(f"{year} is not among the years {FIRST} to {LAST}")
