# SPDX-License-Identifier: Apache-2.0
"""/requests: what the reader's body has asked for, what waits for their answer, and what they were told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.views import needs
from chengyun.share.requests import queries
from chengyun.share.requests.models import Deletion, Notice
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.pages import asked


@dataclass(frozen=True)
class RequestsPage:
    """shown: "mine", "answer" or "all". waiting: how many wait for the reader. owed: what their body has to delete."""

    tabs: tuple[Choice, ...]
    shown: str
    lines: tuple[queries.RequestLine, ...]
    waiting: int
    notices: tuple[tuple[Notice, str], ...]
    owed: tuple[Deletion, ...]
    may_apply: bool
    may_explain: bool
    as_of: dt.datetime


@require_safe
@never_cache
@needs("request.read")
def request_list(request: HttpRequest) -> HttpResponse:
    """List requests."""
    actor = actor_of(request)
    (shown,) = asked(request, "show")
    names = {"mine": _("本部门的申请"), "answer": _("待我答复"), "all": _("全部")}
    waiting = queries.to_answer(actor)
    if shown not in names:
        shown = "answer" if waiting else "mine"
    lines = {"mine": queries.mine, "answer": lambda _actor: waiting, "all": queries.every}[shown](actor)
    page = RequestsPage(
        tuple(Choice(key, name, key == shown) for key, name in names.items()), shown, tuple(lines), len(waiting),
        tuple(queries.inbox(actor)), tuple(queries.deletions(actor)), may(actor, "request.apply"), may(actor, "access.explain"),
        timezone.now(),
    )  # fmt: skip
    return render(request, "requests/list.html", {"page": page})
