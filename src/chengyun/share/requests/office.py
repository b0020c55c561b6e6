# SPDX-License-Identifier: Apache-2.0
"""The city's calendar and its day, by the database's clock."""

from __future__ import annotations

import datetime as dt

from chengyun.access.grants import database_time
from chengyun.cases.office import local_day, working_days
from chengyun.standards.calendar import WorkingDays

__all__ = ["calendar", "today"]


def calendar() -> WorkingDays:
    """Return the city's working days."""
    return working_days()


def today() -> dt.date:
    """Return the city's date."""
    return local_day(database_time())
