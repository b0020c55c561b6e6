# SPDX-License-Identifier: Apache-2.0
"""Judgements that were asked for, each in a process of its own, and reviews that fall due."""

from __future__ import annotations

import logging

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.access.actors import SYSTEM
from chengyun.govern.decisions import services
from chengyun.govern.decisions.models import Decision, Evaluation
from chengyun.govern.whatif.children import run_apart

WITHIN_S = 600

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */5")
@app.task(name="decisions.evaluate", queueing_lock="decisions.evaluate", lock="decisions.evaluate")
def evaluate_asked(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Judge what was asked for, the oldest first; a judgement whose process dies says so instead of waiting for good."""
    for pk in Evaluation.objects.filter(state=Evaluation.State.ASKED).order_by("id").values_list("pk", flat=True):
        why = run_apart(["decisions", "evaluate", str(pk)], WITHIN_S)
        left = Evaluation.objects.filter(pk=pk, state=Evaluation.State.ASKED)
        if left.update(state=Evaluation.State.FAILED, reason=why[:500], done_at=timezone.now()):
            log.error("evaluation %d: %s", pk, why[:500])


@app.periodic(cron="10 0 * * *")
@app.task(name="decisions.review", queueing_lock="decisions.review", lock="decisions.review")
def review_due(timestamp: int) -> None:  # noqa: ARG001
    """Begin the reviews of today, and of days the computer was off."""
    due = Decision.objects.filter(state=Decision.State.DECIDED, review_on__lte=timezone.localdate())
    for pk in due.order_by("id").values_list("pk", flat=True):
        services.begin_review(pk, SYSTEM)
