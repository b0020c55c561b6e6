# SPDX-License-Identifier: Apache-2.0
"""What quality does by the clock."""

from __future__ import annotations

import datetime as dt
import logging

from procrastinate.contrib.django import app

from chengyun.collect.quality import services

log = logging.getLogger(__name__)


@app.periodic(cron="*/2 * * * *")
@app.task(queueing_lock="quality.judge", lock="quality.judge", pass_context=False)
def judge_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Judge the days that new rows touched."""
    judged = services.judge_due(dt.datetime.now(dt.UTC))
    if judged:
        log.info("the quality of %d days was judged", judged)


@app.periodic(cron="7 * * * *")
@app.task(queueing_lock="quality.registers", lock="quality.judge", pass_context=False)
def judge_registers(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Judge every register as it is."""
    services.judge_registers(dt.datetime.now(dt.UTC))
