# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for forecasts: it starts, when one is due, a process that makes it and ends.

The libraries that fit are large and compile as they are loaded; the jobs process never loads them.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import subprocess
import sys

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.operate.forecasts import services

LONGEST_S = 3_600
KEPT = dt.timedelta(days=400)

log = logging.getLogger(__name__)


@app.periodic(cron="7-59/10 * * * *")
@app.task(name="forecasts.make", queueing_lock="forecasts.make", lock="forecasts.make")
def make_due(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Make the forecasts that are due, each in a process of its own, and score those whose truth has come."""
    for key in services.due(timezone.now()):
        command = [sys.executable, "-m", "chengyun.cli", "forecast", key, "--background"]
        alone = {**os.environ, "OMP_NUM_THREADS": "1"}
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False, env=alone)
            if ended.returncode:
                log.error("forecast %s: %s", key, (ended.stderr.strip().splitlines() or ["no word why"])[-1])
        except subprocess.TimeoutExpired:
            log.error("forecast %s took more than %d s and was ended", key, LONGEST_S)


@app.periodic(cron="43 3 * * *")
@app.task(name="forecasts.tidy", queueing_lock="forecasts.tidy")
def tidy(timestamp: int) -> None:  # noqa: ARG001
    """Forget what was said long ago."""
    services.forget(timezone.now() - KEPT)
