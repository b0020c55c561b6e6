# SPDX-License-Identifier: Apache-2.0
"""What collecting does by the clock."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from procrastinate.contrib.django import app

from chengyun.collect import services
from chengyun.collect.simulate import simulate
from chengyun.config import config
from chengyun.errors import Unavailable

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="collect.simulate", lock="collect.simulate", pass_context=False)
def simulate_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Let what is simulated speak."""
    try:
        accepted = simulate(config(), settings.CITY, dt.datetime.now(dt.UTC))
    except Unavailable as away:
        log.info("nothing was simulated: %s", away.sentence)
        return
    if accepted:
        log.info("%d simulated observations", accepted)


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="collect.note_senders", lock="collect.note_senders", pass_context=False)
def note_senders_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Keep in mind who ever sent."""
    services.note_senders()
