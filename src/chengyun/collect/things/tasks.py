# SPDX-License-Identifier: Apache-2.0
"""What happens to devices by the clock: commands that nobody ended expire, devices that lie are doubted."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.collect.things.doubts import doubt
from chengyun.collect.things.models import Command

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */15")
@app.task(queueing_lock="things.expire", lock="things.expire", pass_context=False)
def expire_commands(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """End commands whose time is over."""
    now = timezone.now()
    late = Command.objects.filter(state__in=["queued", "sent", "acknowledged"], expires_at__lte=now)
    ended = late.update(state=Command.State.EXPIRED, ended_at=now)
    if ended:
        log.info("%d commands expired", ended)


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="things.doubt", lock="things.doubt", pass_context=False)
def doubt_devices(timestamp: int) -> None:  # noqa: ARG001
    """Put devices in quarantine whose readings are flagged too often."""
    put = doubt(settings.CITY, timezone.now())
    if put:
        log.warning("%d devices were put in quarantine", put)
