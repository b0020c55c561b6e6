# SPDX-License-Identifier: Apache-2.0
"""The lake's part of the clock: sealing what is due, removing files nobody needs."""

from __future__ import annotations

import datetime as dt
import logging

from procrastinate.contrib.django import app

from chengyun.errors import Unavailable
from chengyun.lake import services

log = logging.getLogger(__name__)


@app.periodic(cron="*/3 * * * *")
@app.task(queueing_lock="lake.seal_due", lock="lake")
def seal_due(timestamp: int) -> None:
    """Seal old and large chunks."""
    for outcome in services.seal_due(dt.datetime.fromtimestamp(timestamp, dt.UTC)):
        if outcome.rows:
            log.info(
                "Sealed %d rows of %s, %d repeated, %d corrected.",
                outcome.rows,
                outcome.stream,
                outcome.duplicates,
                outcome.corrected,
            )


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="lake.sweep", lock="lake")
def sweep(timestamp: int) -> None:
    """Remove replaced files and old snapshots."""
    try:
        services.sweep(dt.datetime.fromtimestamp(timestamp, dt.UTC))
    except Unavailable as busy:
        log.info("%s", busy.sentence)


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="lake.retire", lock="lake")
def retire(timestamp: int) -> None:
    """Take out months that are older than their stream is kept."""
    try:
        gone = services.retire(dt.datetime.fromtimestamp(timestamp, dt.UTC), "jobs")
    except Unavailable as busy:
        log.info("%s", busy.sentence)
        return
    for one in gone:
        log.warning("Took %d rows out of %s, as its declaration asks.", one.rows, one.stream)


@app.periodic(cron="47 3 * * *")
@app.task(queueing_lock="lake.move", lock="lake")
def move(timestamp: int) -> None:
    """Move files to where they are to lie."""
    try:
        moved = services.move(dt.datetime.fromtimestamp(timestamp, dt.UTC), "jobs")
    except Unavailable as away:
        log.info("%s", away.sentence)
        return
    for one in moved:
        log.info("Moved %d files of %s.", one.files, one.stream)
