# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for requests: what is due, every ten minutes; letters, every minute."""

from __future__ import annotations

from procrastinate.contrib.django import app

from chengyun.share.requests.notices import send_waiting
from chengyun.share.requests.upkeep import tick


@app.periodic(cron="*/10 * * * *")
@app.task(name="requests.tick", queueing_lock="requests.tick", lock="requests.tick")
def do_what_is_due(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """End, escalate, suspend and ask to delete."""
    tick()


@app.periodic(cron="* * * * * 40")
@app.task(name="requests.mail", queueing_lock="requests.mail", lock="requests.mail")
def send_letters(timestamp: int) -> None:  # noqa: ARG001
    """Send what waits to be sent."""
    send_waiting()
