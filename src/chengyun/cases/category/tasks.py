# SPDX-License-Identifier: Apache-2.0
"""Once a week the categories are learnt again, in a process of its own that gives its memory back."""

from __future__ import annotations

import logging
import subprocess
import sys

from django.conf import settings
from procrastinate.contrib.django import app

from chengyun.city import City

log = logging.getLogger(__name__)

LONGEST_S = 3600


@app.periodic(cron="40 3 * * 0")
@app.task(queueing_lock="category.retrain", lock="category.retrain", pass_context=False)
def retrain_all(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Train every type that has categories; one with too few cases says so and stays as it is."""
    city: City = settings.CITY
    for key in city.cases:
        if city.scheme(key) is None:
            continue
        command = [sys.executable, "-m", "chengyun.cli", "category", "train", key]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
        log.info("category model of %s: %s", key, (ended.stdout or ended.stderr).strip()[:300])
