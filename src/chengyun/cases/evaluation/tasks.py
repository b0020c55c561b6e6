# SPDX-License-Identifier: Apache-2.0
"""What evaluation does by the clock: on the second of a month, the month before is counted into a draft."""

from __future__ import annotations

import datetime as dt
import logging

from procrastinate.contrib.django import app

from chengyun.access.actors import SYSTEM
from chengyun.cases.evaluation import services
from chengyun.cases.evaluation.declared import evaluated_types
from chengyun.cases.evaluation.models import Edition

log = logging.getLogger(__name__)


@app.periodic(cron="30 18 1 * *")  # UTC: the early morning of the second in the city
@app.task(name="evaluation.month", queueing_lock="evaluation.month", lock="evaluation.month")
def count_month(timestamp: int) -> None:
    """Count the month that has ended, unless it was published already."""
    now = dt.datetime.fromtimestamp(timestamp, dt.UTC)
    first, last = services.month_of(services.last_month(now))
    for key in evaluated_types():
        if not Edition.objects.filter(type=key, first=first, last=last).exclude(published_at=None).exists():
            edition = services.count(key, first, last, SYSTEM, now)
            log.info("%s %s was counted: %d cases", key, first.strftime("%Y-%m"), edition.cases)
