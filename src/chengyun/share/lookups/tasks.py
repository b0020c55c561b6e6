# SPDX-License-Identifier: Apache-2.0
"""By the clock: the log is told who was read, twice a minute."""

from __future__ import annotations

from procrastinate.contrib.django import app

from chengyun.share.lookups.services import tell_log


@app.periodic(cron="* * * * * */30")
@app.task(queueing_lock="lookups.tell", lock="lookups.tell", pass_context=False)
def tell(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Append what was read about persons to the log `audit`."""
    tell_log()
