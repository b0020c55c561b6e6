# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for cases by the clock."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.alerts import open_cases
from chengyun.cases.watch import end_pauses, tell_lateness


# The sixth field of a cron text is the second.
@app.periodic(cron="* * * * * */5")
@app.task(name="cases.open", queueing_lock="cases.open", lock="cases.open")
def open_waiting(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Open the cases that alerts ask for."""
    open_cases(timezone.now())


@app.periodic(cron="* * * * * */20")
@app.task(name="cases.watch", queueing_lock="cases.watch", lock="cases.watch")
def watch_clocks(timestamp: int) -> None:  # noqa: ARG001
    """Do what the passing of time decides: end pauses, tell lateness."""
    now = timezone.now()
    end_pauses(now)
    tell_lateness(now)
