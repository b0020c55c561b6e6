# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does by the clock: figures every few seconds, silence twice a minute, tidying every night.

A queueing lock keeps each to one waiting job, a lock to one running; a job that overlaps with the command line's
evaluation finds the evaluator's own lock taken and leaves.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.operate.engine import evaluate
from chengyun.operate.models import IndicatorRun
from chengyun.operate.watch import judge_ended, judge_silence

RUNS_KEPT = dt.timedelta(days=14)
AT_A_TIME = dt.timedelta(seconds=20)
"""So long may one evaluation take while live figures wait for the next."""

# The sixth field of these cron texts is the second.


@app.periodic(cron="* * * * * */3")
@app.task(name="operate.evaluate", queueing_lock="operate.evaluate", lock="operate.evaluate")
def evaluate_figures(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Bring figures up to date with the observations that came in."""
    evaluate(timezone.now(), within=AT_A_TIME)


@app.periodic(cron="* * * * * */30")
@app.task(name="operate.watch", queueing_lock="operate.watch", lock="operate.watch")
def watch_clock(timestamp: int) -> None:  # noqa: ARG001
    """Judge what the passing of time decides: silence, and periods that have ended."""
    now = timezone.now()
    judge_silence(settings.CITY, now)
    judge_ended(settings.CITY, now)


@app.periodic(cron="17 3 * * *")
@app.task(name="operate.tidy", queueing_lock="operate.tidy")
def tidy(timestamp: int) -> None:  # noqa: ARG001
    """Forget records of evaluations that went well and are old."""
    IndicatorRun.objects.filter(started_at__lt=timezone.now() - RUNS_KEPT).delete()
