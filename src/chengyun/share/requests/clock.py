# SPDX-License-Identifier: Apache-2.0
"""The legal clock: working days, the first of them the day after. It stands while a request waits for its applicant."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from chengyun.standards.calendar import WorkingDays

__all__ = ["Colour", "colour", "due", "left"]

Colour = Literal["green", "yellow", "red"]


def due(start: dt.date, days: int, calendar: WorkingDays) -> dt.date:
    """Return the last day of a period of working days; the day it starts on is not counted (期间开始之日不计入)."""
    return calendar.add(start, days)


def left(today: dt.date, due_day: dt.date, calendar: WorkingDays) -> int:
    """Return how many working days after today are left, the last one included; negative by so many as it is late."""
    day = dt.timedelta(days=1)
    if today <= due_day:
        return calendar.between(today + day, due_day + day)
    return -calendar.between(due_day + day, today + day)


def colour(days: int, warn_days: int) -> Colour:
    """Return the colour of a clock with so many days left: red when its last day is over."""
    return "red" if days < 0 else "yellow" if days <= warn_days else "green"
