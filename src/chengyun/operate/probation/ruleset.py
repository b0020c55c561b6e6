# SPDX-License-Identifier: Apache-2.0
"""The rules judged now, for processes with Django: read again only when a filed rule has changed."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from chengyun.city import AlertRule, City
from chengyun.operate.probation.standing import ROWS, STAMP, Standing, standing

__all__ = ["rule_named", "standing_now"]

_known: tuple[object, Standing] | None = None


def standing_now(city: City | None = None) -> Standing:
    """Return which rules are judged and which of them only counted."""
    global _known
    city = city or settings.CITY
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        stamp = (id(city), cursor.fetchone())
        if _known is None or _known[0] != stamp:
            cursor.execute(ROWS)
            _known = (stamp, standing(city, cursor.fetchall()))
    return _known[1]


def rule_named(key: str) -> AlertRule | None:
    """Return a rule by its qualified key, declared or filed and judged; None when there is none now."""
    city: City = settings.CITY
    return city.alerts.get(key) or standing_now(city).rules.get(key)
