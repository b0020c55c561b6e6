# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for verification: it looks at cases whose work was reported."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.verification.services import look_at_waiting


@app.periodic(cron="* * * * * */10")
@app.task(name="verification.look", queueing_lock="verification.look", lock="verification.look")
def look(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Look for signs in the cases that wait."""
    look_at_waiting(timezone.now())
