# SPDX-License-Identifier: Apache-2.0
"""What nodes do by the clock: messages go out, rows are drawn, catalogues are read. Nothing runs where there is no neighbour."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.config import config
from chengyun.share.federation.models import Mirror, Neighbour, Sent


@app.periodic(cron="* * * * * */5")
@app.task(queueing_lock="federation.deliver", lock="federation.deliver", pass_context=False)
def deliver_messages(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Send what waits."""
    if Sent.objects.filter(taken_at=None).exists():
        from chengyun.share.federation import outbox

        outbox.deliver_all()


@app.periodic(cron="* * * * * */20")
@app.task(queueing_lock="federation.draw", lock="federation.draw", pass_context=False)
def draw_mirrors(timestamp: int) -> None:  # noqa: ARG001
    """Draw what is due."""
    if Mirror.objects.exists():
        from chengyun.share.federation import mirrors

        mirrors.draw_all()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="federation.follow", lock="federation.follow", pass_context=False)
def follow_keys(timestamp: int) -> None:  # noqa: ARG001
    """Follow neighbours that have a new key, so that what they ask under it is answered."""
    if Neighbour.objects.filter(active=True).exists():
        from chengyun.share.federation import successors

        successors.follow_all()


@app.periodic(cron="37 3 * * *")
@app.task(queueing_lock="federation.check", lock="federation.check", pass_context=False)
def check_mirrors(timestamp: int) -> None:  # noqa: ARG001
    """Compare what is kept with what it should be, and mend it."""
    if Mirror.objects.filter(filled=True).exists():
        from chengyun.share.federation import checking

        checking.check_all()


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="federation.harvest", lock="federation.harvest", pass_context=False)
def harvest_catalogues(timestamp: int) -> None:  # noqa: ARG001
    """Read the neighbours' catalogues."""
    if Neighbour.objects.filter(active=True).exists():
        from chengyun.share.federation import offering

        offering.harvest_all()


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="federation.sweep", lock="federation.sweep", pass_context=False)
def sweep_pieces(timestamp: int) -> None:  # noqa: ARG001
    """Remove what is left of files that were never brought in."""
    if (config().data / "mirror").is_dir():
        from chengyun.share.federation import pieces

        pieces.sweep(timezone.now())
