# SPDX-License-Identifier: Apache-2.0
"""What the logs do by the clock: what waits is given its place, so that every receipt can soon be proved."""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app

from chengyun.share.ledger.services import sequence


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="ledger.sequence", lock="ledger.sequence", pass_context=False)
def sequence_waiting(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Sequence the logs in which something waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT log FROM ledger_waiting")
        logs = [row[0] for row in cursor.fetchall()]
    for log in logs:
        sequence(log)
