# SPDX-License-Identifier: Apache-2.0
"""The made-up city lives on by the clock."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from procrastinate.contrib.django import app

from chengyun.config import config
from chengyun.simulate.loop import advance

HISTORY_DAYS = 2.0
"""How far back a new demonstration begins; `chengyun simulate --days` makes more, before the first start of the jobs."""

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */20")
@app.task(queueing_lock="simulate.advance", lock="simulate.advance", pass_context=False)
def advance_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Let residents report and staff work, as far as their time has come."""
    if not config().demo_people:
        return
    done = advance(config(), settings.CITY, dt.datetime.now(dt.UTC), HISTORY_DAYS)
    if done.reports or done.deeds:
        log.info("%d simulated reports, %d deeds", done.reports, done.deeds)
