# SPDX-License-Identifier: Apache-2.0
"""How far a figure can be trusted now. Pure: no database, no clock."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from chengyun.city.words import Period
from chengyun.operate.periods import period_end

__all__ = ["Periodic", "Status", "stale_from", "status"]

Status = Literal["fresh", "stale", "partial", "missing"]


class Periodic(Protocol):
    """An indicator as far as its figures' freshness goes: as it is declared, or as it is remembered."""

    @property
    def period(self) -> Period: ...
    @property
    def fresh_for(self) -> dt.timedelta | None: ...


def status(
    indicator: Periodic,
    period_start: dt.datetime | None,
    value: float | None,
    coverage: float | None,
    now: dt.datetime,
    zone: ZoneInfo,
) -> Status:
    """Return a figure's status, the worst that applies.

    missing: there is no figure, or it says that no valid value could be found; never shown as zero. stale: the next one
    should have been there. partial: made from fewer inputs than the period should have, or the period is not over.
    """
    if period_start is None or value is None:
        return "missing"
    if now >= stale_from(indicator, period_start, zone):
        return "stale"
    if (coverage is not None and coverage < 1) or now < period_end(indicator.period, period_start, zone):
        return "partial"
    return "fresh"


def stale_from(indicator: Periodic, period_start: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return when a figure becomes stale: `fresh for` after its period's end; by default when the next period has ended too."""
    end = period_end(indicator.period, period_start, zone)
    return end + indicator.fresh_for if indicator.fresh_for is not None else period_end(indicator.period, end, zone)
