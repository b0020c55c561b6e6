# SPDX-License-Identifier: Apache-2.0
"""The privacy officer's page: how much each body read about persons, and which days stand out. Counts only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chengyun.access import audit
from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.share.lookups.patterns import Body, bodies
from chengyun.web.desk.pages import asked

SPANS = (30, 90, 180)


@dataclass(frozen=True)
class ReadsPage:
    """days: how far back. audit, reversals: whether those pages open for the reader."""

    bodies: tuple[Body, ...]
    days: int
    spans: tuple[int, ...]
    audit: bool
    reversals: bool
    as_of: dt.datetime


@require_safe
@needs("lookup.patterns")
def reads_page(request: HttpRequest) -> HttpResponse:
    """Show what every body read about persons."""
    actor, now = actor_of(request), timezone.now()
    (text,) = asked(request, "days")
    days = int(text) if text in {str(one) for one in SPANS} else SPANS[0]
    audit.record(actor, "read", "audit", "reads by body", detail={"days": days})
    page = ReadsPage(
        tuple(bodies(now, days)), days, SPANS, may(actor, "audit.read"), may(actor, "pseudonym.agree"), now
    )  # fmt: skip
    return render(request, "my/reads.html", {"page": page})
