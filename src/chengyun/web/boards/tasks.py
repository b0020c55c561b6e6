# SPDX-License-Identifier: Apache-2.0
"""Every minute the jobs process looks whether a report is due, and has it drawn by a process that gives its memory back; every
hour, whether a district or a department has come for which a board is shipped."""

from __future__ import annotations

import logging
import subprocess
import sys

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.operate.boards.models import ScheduledReport, Sending
from chengyun.operate.boards.services import ensure_boards, next_after

log = logging.getLogger(__name__)

LONGEST_S = 600


@app.periodic(cron="* * * * *")
@app.task(name="boards.send", queueing_lock="boards.send", lock="boards.send")
def send_due(timestamp: int) -> None:  # procrastinate gives periodic tasks their time
    """Send the reports that are due."""
    now = timezone.now()
    waits = Sending.objects.filter(state="waiting", next_at__lte=now).exists()
    if not waits and not any(next_after(one.cron, one.after) <= now for one in ScheduledReport.objects.filter(ended_at=None)):
        return
    ended = subprocess.run(
        [sys.executable, "-m", "chengyun.cli", "boards", "send"], capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    if ended.returncode:
        log.warning("boards were not sent: %s", (ended.stderr or ended.stdout).strip()[-300:])


@app.periodic(cron="17 * * * *")
@app.task(name="boards.ensure", queueing_lock="boards.ensure")
def ensure(timestamp: int) -> None:
    """Make the shipped boards of what is new."""
    ensure_boards()
