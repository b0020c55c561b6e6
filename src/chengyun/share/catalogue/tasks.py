# SPDX-License-Identifier: Apache-2.0
"""What the catalogue does by the clock."""

from __future__ import annotations

import contextlib
import logging

from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from chengyun.errors import Refused
from chengyun.share.catalogue import freshness

log = logging.getLogger(__name__)


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="catalogue.refresh", lock="catalogue.refresh", pass_context=False)
def refresh(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Keep when each resource's data last changed."""
    freshness.refresh()


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="catalogue.harvests_due", lock="catalogue.harvests_due", pass_context=False)
def harvests_due(timestamp: int) -> None:  # noqa: ARG001
    """Queue the foreign catalogues that are due, one after another."""
    from chengyun.share.catalogue.harvest.addresses import due

    for origin in due(timezone.now()):
        queue(origin)


@app.task(pass_context=False)
def read_address(origin: str) -> None:
    """Read one foreign catalogue from its address."""
    from chengyun.share.catalogue.harvest.addresses import read  # every process loads this module; only `jobs` reads

    try:
        done = read(origin)
    except Refused as gone:
        log.info("foreign catalogue %s: %s", origin, gone.sentence)  # removed while it waited
        return
    if done.outcome == done.Outcome.FAILED:
        log.warning("foreign catalogue %s: %s", origin, done.trouble)


@app.periodic(cron="40 3 * * *")
@app.task(queueing_lock="catalogue.forget", pass_context=False)
def forget_old_readings(timestamp: int) -> None:  # noqa: ARG001
    """Drop readings that took nothing in, beyond their time."""
    from chengyun.share.catalogue.harvest.addresses import forget_old

    forget_old(timezone.now())


def queue(origin: str) -> bool:
    """Have a foreign catalogue read soon; return whether that was not so already."""
    with contextlib.suppress(AlreadyEnqueued):
        read_address.configure(queueing_lock=f"catalogue.harvest.{origin}", lock="catalogue.harvest").defer(origin=origin)
        return True
    return False
