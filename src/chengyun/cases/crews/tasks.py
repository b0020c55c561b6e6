# SPDX-License-Identifier: Apache-2.0
"""What the jobs process does for crews: it works out the plans that were asked for."""

from __future__ import annotations

from django.utils import timezone
from procrastinate.contrib.django import app

from chengyun.cases.crews import services
from chengyun.cases.crews.models import Plan


@app.periodic(cron="* * * * * */5")
@app.task(name="crews.plan", queueing_lock="crews.plan", lock="crews.plan")
def work_out(timestamp: int) -> None:  # noqa: ARG001  # procrastinate gives periodic tasks their time
    """Work out waiting plans, the oldest first."""
    for pk in Plan.objects.filter(state=Plan.State.ASKED).order_by("asked_at").values_list("pk", flat=True):
        services.work_out(pk, timezone.now())
