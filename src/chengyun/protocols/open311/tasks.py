# SPDX-License-Identifier: Apache-2.0
"""Every few minutes cases go out and answers come in, where another server is declared."""

from __future__ import annotations

import os

from django.utils import timezone
from procrastinate.contrib.django import app


@app.periodic(cron="*/3 * * * *")
@app.task(queueing_lock="open311.forward", lock="open311.forward", pass_context=False)
def forward_cases(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Send the cases that are to be sent, and ask how those already sent stand."""
    if not os.environ.get("CHENGYUN_OPEN311"):
        return
    from chengyun.protocols.open311 import forwarding  # the client is loaded only where it is used

    forwarding.choose(timezone.now())
    forwarding.follow(timezone.now())
