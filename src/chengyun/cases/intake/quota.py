# SPDX-License-Identifier: Apache-2.0
"""How much one sender without an account may report: counted by a keyed hash of the address that changes every day.

The address itself is never kept; yesterday's hash cannot be tied to today's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from django.db import connection
from django.utils.translation import gettext as _

from chengyun.cases.intake.models import Quota
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["PER_HOUR", "count", "forget"]

PER_HOUR = 30
"""Reports of one address an hour: a family or an office behind one address reports no more."""

COUNT = """
INSERT INTO intake_quota (sender, hour, count) VALUES (%s, %s, 1)
ON CONFLICT (sender, hour) DO UPDATE SET count = intake_quota.count + 1 RETURNING count
"""


def count(address: str, now: dt.datetime, most: int = PER_HOUR) -> None:
    """Count one report of an address. Raises Refused when it was one too many."""
    hour = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    sender = hmac.new(config().secret.encode(), f"intake {hour:%Y-%m-%d} {address}".encode(), hashlib.sha256).hexdigest()[:32]
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [sender, hour])
        made = cursor.fetchone()[0]
    if made > most:
        raise Refused(_("同一网络一小时内最多上报 %d 件。请稍后再报，紧急情况请拨打 96310。") % most, code="too_many")


def forget(now: dt.datetime) -> int:
    """Delete counts that no longer limit anything; return how many."""
    return Quota.objects.filter(hour__lt=now - dt.timedelta(hours=25)).delete()[0]
