# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for field work: tracks and photos that nobody needs any more are forgotten."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.field import tracks, uploads
from chengyun.cases.field.models import ClockSample, Upload

STALE = dt.timedelta(days=30)
"""An upload nobody went on with, or whose photo has long been taken into its case."""


@app.periodic(cron="17 3 * * *")
@app.task(name="field.forget", queueing_lock="field.forget", lock="field.forget")
def forget(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Delete points of old tracks, old uploads and old clock samples."""
    now = timezone.now()
    tracks.forget(now)
    for upload in Upload.objects.filter(begun_at__lt=now - STALE):
        uploads.forget(upload)
    ClockSample.objects.filter(at__lt=now - dt.timedelta(days=180)).delete()
