# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for reports by the clock."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.intake import mailbox, mailing, quota


@app.periodic(cron="* * * * *")
@app.task(name="intake.post", queueing_lock="intake.post", lock="intake.post")
def post(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Read the letters that came and send those that wait."""
    now = timezone.now()
    try:
        mailbox.read_mailbox(now)
    finally:  # letters go out by another server than they come in by
        mailing.send_waiting(now)


@app.periodic(cron="17 3 * * *")
@app.task(name="intake.forget", queueing_lock="intake.forget", lock="intake.forget")
def forget(timestamp: int) -> None:  # noqa: ARG001
    """Drop counts that limit nobody any more."""
    quota.forget(timezone.now())
