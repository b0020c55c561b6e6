# SPDX-License-Identifier: Apache-2.0
"""Reading sources by the clock: what is due is queued, one job a source; what is late is noted."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from chengyun.collect.pull.models import Run, Source
from chengyun.collect.pull.queries import is_late
from chengyun.config import config
from chengyun.errors import Refused

LANES = 2
"""Sources read at the same time; `jobs` has other work to do beside it."""

RUNS_KEPT = dt.timedelta(days=90)

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */10")
@app.task(queueing_lock="pull.due", lock="pull.due", pass_context=False)
def sources_due(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Queue what is due, and note since when a source is late."""
    now = timezone.now()
    for source in Source.objects.filter(Q(next_at__lte=now), state=Source.State.ACTIVE).order_by("next_at"):
        # What waits or runs already is not queued again.
        with contextlib.suppress(AlreadyEnqueued):
            read_source.configure(queueing_lock=f"pull.{source.pk}", lock=f"pull.lane.{source.pk % LANES}").defer(
                source_id=source.pk
            )
    for source in Source.objects.exclude(state=Source.State.PAUSED):
        late = is_late(source, now)
        if late and source.late_since is None:
            Source.objects.filter(pk=source.pk).update(late_since=now)
            log.warning("source %s is late", source.key)
        elif not late and source.late_since is not None:
            Source.objects.filter(pk=source.pk).update(late_since=None)
            log.info("source %s is no longer late", source.key)


@app.periodic(cron="20 3 * * *")
@app.task(queueing_lock="pull.forget", pass_context=False)
def forget_old_runs(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Drop the history of runs beyond its time; a run whose batch is under way still stays."""
    Run.objects.filter(started_at__lt=timezone.now() - RUNS_KEPT, pending=None).delete()


@app.task(pass_context=False)
def read_source(source_id: int, by: str = "schedule") -> None:
    """Read one source."""
    from chengyun.collect.pull.runs import run_source  # every process loads this module at its start; only `jobs` reads

    if not Source.objects.filter(pk=source_id).exists():
        return  # removed while it waited
    try:
        run_source(config(), settings.CITY, source_id, by=by)
    except Refused as refused:
        log.info("source %d: %s", source_id, refused.sentence)


def queue_now(source: Source, by: str) -> bool:
    """Queue a run because a person asked for it; return whether none was waiting already."""
    try:
        read_source.configure(queueing_lock=f"pull.{source.pk}", lock=f"pull.lane.{source.pk % LANES}").defer(
            source_id=source.pk, by=by
        )
    except AlreadyEnqueued:
        return False
    return True
