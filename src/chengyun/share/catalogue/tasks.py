# SPDX-License-Identifier: Apache-2.0
"""What the catalogue does by the clock."""

from __future__ import annotations

from procrastinate.contrib.django import app

from chengyun.share.catalogue import freshness


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="catalogue.refresh", lock="catalogue.refresh", pass_context=False)
def refresh(timestamp: int) -> None:  # noqa: ARG001  procrastinate passes when it was due
    """Keep when each resource's data last changed."""
    freshness.refresh()
