# SPDX-License-Identifier: Apache-2.0
"""What the exchange does by the clock: files are made, followers told, targets pushed to, days counted, and what has run
out is dropped.
"""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.share.exchange.models import BulkFile, Order, Subscription, Target


@app.periodic(cron="* * * * * */5")
@app.task(queueing_lock="exchange.files", lock="exchange.files", pass_context=False)
def make_files(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Make the files that were asked for."""
    if BulkFile.objects.filter(state=BulkFile.State.WAITING).exists():
        from chengyun.share.exchange import bulk  # Arrow is large; most installations make no files for a while

        bulk.make_waiting()


@app.periodic(cron="* * * * * */5")
@app.task(queueing_lock="exchange.push", lock="exchange.push", pass_context=False)
def tell_followers(timestamp: int) -> None:  # noqa: ARG001
    """Post what changed to those who are told."""
    if Subscription.objects.filter(ended_at=None).exclude(url="").exists():
        from chengyun.share.exchange import following

        following.push_due()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="exchange.targets", lock="exchange.targets", pass_context=False)
def push_targets(timestamp: int) -> None:  # noqa: ARG001
    """Push into the databases that are to be kept up to date."""
    if Target.objects.exists():
        from chengyun.share.exchange import pushing

        pushing.push_all()


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="exchange.count", lock="exchange.count", pass_context=False)
def count_days(timestamp: int) -> None:  # noqa: ARG001
    """Count the days that have ended, for everybody who asks."""
    from chengyun.share.exchange import statistics

    statistics.count_days()


@app.periodic(cron="11 * * * *")
@app.task(queueing_lock="exchange.sweep", lock="exchange.sweep", pass_context=False)
def sweep(timestamp: int) -> None:  # noqa: ARG001
    """Drop nonces that cannot be used again, files older than a week, and orders nobody reads in."""
    from chengyun.share.exchange import bulk, orders, parties

    parties.forget_nonces(timezone.now())
    bulk.sweep()
    if Order.objects.exists():
        orders.sweep(timezone.now())
