# SPDX-License-Identifier: Apache-2.0
"""Runs that were asked for, one after the other, each in a process of its own that gives its memory back."""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.govern.whatif.catalogue import MODELS
from chengyun.govern.whatif.children import run_apart
from chengyun.govern.whatif.models import Run
from chengyun.govern.whatif.services import begin, fail

LONGEST_S = 900

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */5")
@app.task(name="whatif.work", queueing_lock="whatif.work", lock="whatif.work")
def work_asked(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Work out what waits, the oldest first. The lock makes it the only one: a run "in progress" was cut off and begins again,
    behind those that have not been begun, and a few times at most."""
    waiting = Run.objects.filter(state__in=(Run.State.ASKED, Run.State.RUNNING)).order_by("tries", "id")
    for pk, model in waiting.values_list("pk", "model"):
        if not begin(pk, timezone.now()):
            log.error("run %d of %s was cut off every time; it is given up", pk, model)
            continue
        within = MODELS[model].within_s if model in MODELS else LONGEST_S
        why = run_apart(["whatif", "run", str(pk)], within)
        if fail(pk, why, timezone.now()):
            log.error("run %d of %s: %s", pk, model, why)
