# SPDX-License-Identifier: Apache-2.0
"""/grants: what may be read, by whom, what for, until when, and how much of it is really read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.share.requests import queries, upkeep
from chengyun.share.requests.models import Deletion
from chengyun.web.desk.deeds import Fault, attempt, done


@dataclass(frozen=True)
class GrantsPage:
    """unused: how many are proposed for revocation. owed: what the reader's body has to delete and confirm."""

    grants: tuple[queries.GrantLine, ...]
    active: int
    unused: int
    owed: tuple[Deletion, ...]
    today: dt.date
    fault: Fault | None
    as_of: dt.datetime


@require_safe
@never_cache
@needs("request.read")
def grant_list(request: HttpRequest) -> HttpResponse:
    """List grants."""
    return _answer(request, None)


@require_POST
@never_cache
@needs("request.read")
def deleted(request: HttpRequest, number: str) -> HttpResponse:
    """Confirm that what was read under a grant is deleted."""
    fault = attempt(request, number, lambda: upkeep.confirm_deletion(actor_of(request), number, request.POST.get("how", "")))
    return _answer(request, fault) if fault else done(request, _("删除已确认。"), reverse("grants"))


def _answer(request: HttpRequest, fault: Fault | None) -> HttpResponse:
    actor = actor_of(request)
    lines = tuple(queries.grants_for(actor))
    page = GrantsPage(
        lines, sum(one.state == "active" for one in lines), sum(one.unused for one in lines), tuple(queries.deletions(actor)),
        timezone.localdate(), fault, timezone.now(),
    )  # fmt: skip
    return render(request, "requests/grants.html", {"page": page}, status=fault.status if fault else 200)
