# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for alerts by the clock."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.operate.alerting.work import by_the_clock

# The sixth field of a cron text is the second.


@app.periodic(cron="* * * * * */5")
@app.task(name="alerting.clock", queueing_lock="alerting.clock", lock="alerting.clock")
def clock(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Tell of what waits, escalate, lapse, and send."""
    by_the_clock(timezone.now())
