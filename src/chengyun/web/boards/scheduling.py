# SPDX-License-Identifier: Apache-2.0
"""Having a board sent by mail: the forms at the foot of a board."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from chengyun.access.actors import actor_of
from chengyun.access.models import Account
from chengyun.access.views import needs
from chengyun.errors import NotFound, Refused
from chengyun.operate.boards import services
from chengyun.web.boards.pages import shown_page
from chengyun.web.desk.deeds import attempt, done

__all__ = ["add", "end"]


@require_POST
@needs("board.schedule")
def add(request: HttpRequest, key: str) -> HttpResponse:
    """Have a board sent, to oneself or, for whoever may, to another account."""
    actor = actor_of(request)

    def do() -> None:
        name = request.POST.get("recipient", "").strip()
        found = Account.objects.filter(is_active=True, **({"username": name} if name else {"pk": actor.account_id})).first()
        if found is None:
            raise Refused(_("没有这个账号。"), code="recipient")
        language = get_language() or "zh-hans"
        try:
            services.schedule(
                key, request.POST.get("cron", ""), request.POST.getlist("format"), found, language, actor, timezone.now()
            )
        except NotFound as closed:
            raise Refused(_("收件人不能打开这个看板。"), code="recipient") from closed

    if fault := attempt(request, "report", do):
        return shown_page(request, key, fault)
    return done(request, _("定时报告已设定。"), reverse("board-view", args=[key]))


@require_POST
@needs("board.schedule")
def end(request: HttpRequest, report_id: int) -> HttpResponse:
    """Send a report no more."""
    services.end_report(report_id, actor_of(request))
    return done(request, _("定时报告已停止。"), reverse("boards"))
