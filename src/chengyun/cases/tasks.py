# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for cases by the clock."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.alerts import open_cases


# The sixth field of a cron text is the second.
@app.periodic(cron="* * * * * */5")
@app.task(name="cases.open", queueing_lock="cases.open", lock="cases.open")
def open_waiting(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Open the cases that alerts ask for."""
    open_cases(timezone.now())
