# SPDX-License-Identifier: Apache-2.0
"""What is told of rows that went over, by the clock. Nothing runs where nobody is to be told."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.share.lineage import telling


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="lineage.hand_over", lock="lineage.hand_over", pass_context=False)
def hand_over(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Hand over the events that wait."""
    if (teller := telling.teller()) is not None:
        from chengyun.share.lineage import outbox

        outbox.hand_over(teller)


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="lineage.note_days", lock="lineage.note_days", pass_context=False)
def note_days(timestamp: int) -> None:  # noqa: ARG001
    """Put down the days that have ended."""
    if telling.teller() is not None:
        from chengyun.share.lineage import outbox

        outbox.note_days(timezone.now())
