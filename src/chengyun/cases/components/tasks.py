# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for components: which grid each stands in, and what a city without any is shown."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.components import demo, grids
from chengyun.cases.components.register import declared
from chengyun.config import config


@app.periodic(cron="41 3 * * *")
@app.task(name="components.place", queueing_lock="components.place", lock="components.place")
def place(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Say of components that came through a source which grid they stand in; keep invented crews out."""
    if declared() is None:
        return
    grids.place_components()
    if config().demo:
        demo.keep_shifts(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="components.invent", queueing_lock="components.invent", lock="components.invent")
def invent(timestamp: int) -> None:  # noqa: ARG001
    """Invent a few components, grids and crews for a city that keeps none."""
    settings = config()
    if settings.demo and declared() is not None:
        demo.invent(timezone.now(), int(settings.city))
