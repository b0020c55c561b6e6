# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for verification: it looks at cases whose work was reported."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.verification.services import look_at_waiting, note_later

LATELY = dt.timedelta(hours=6)
"""How far back what may show a sign later is asked for: a jobs process that was away so long misses nothing."""


@app.periodic(cron="* * * * * */10")
@app.task(name="verification.look", queueing_lock="verification.look", lock="verification.look")
def look(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Look for signs in the cases that wait."""
    look_at_waiting(timezone.now())


@app.periodic(cron="7-59/20 * * * *")
@app.task(name="verification.look_later", queueing_lock="verification.look_later", lock="verification.look_later")
def look_later(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Note the cases of which a sign may have shown lately, for the next look."""
    now = timezone.now()
    note_later(now - LATELY, now)
