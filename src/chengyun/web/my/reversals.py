# SPDX-License-Identifier: Apache-2.0
"""Turning pseudonyms back: the page on which one person asks, another agrees, and the first sees it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chengyun.access.actors import actor_of
from chengyun.access.policy import may
from chengyun.access.rulebook import rulebook
from chengyun.access.views import needs
from chengyun.errors import NotFound
from chengyun.share.lookups import reversals
from chengyun.share.lookups.models import Reversal
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.deeds import Fault, attempt, done

NAMES = {
    "id_number": gettext_noop("公民身份号码"), "phone": gettext_noop("电话"), "bank_card": gettext_noop("银行卡"),
    "plate": gettext_noop("车牌"),
}  # fmt: skip


@dataclass(frozen=True)
class ReversalsPage:
    """found: what is behind a pseudonym, shown this once; "" otherwise. me: the reader's account."""

    lines: Sequence[Reversal]
    may_ask: bool
    may_agree: bool
    me: int | None
    kinds: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    found: str
    fault: Fault | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs("pseudonym.enter")
def reversals_page(request: HttpRequest) -> HttpResponse:
    """List applications; take a new one."""
    actor = actor_of(request)
    if request.method != "POST":
        return _page(request, None)
    given, now = request.POST, timezone.now()
    text = given.get("version", "")
    version = int(text) if text.isascii() and text.isdigit() and int(text[:6]) > 0 else None
    fault = attempt(
        request, "ask",
        lambda: reversals.ask(
            actor, given.get("kind", ""), given.get("pseudonym", ""), given.get("purpose", ""), given.get("reason", ""), now,
            version,
        ),
    )  # fmt: skip
    return _page(request, fault) if fault else done(request, _("已提交，等另一人批准。"), reverse("privacy-reversals"))


@require_POST
@never_cache
@needs("pseudonym.enter")
def act(request: HttpRequest, number: int, deed: str) -> HttpResponse:
    """Agree, refuse, or see."""
    actor, now = actor_of(request), timezone.now()
    shown: list[str] = []
    deeds = {
        "agree": lambda: reversals.settle(actor, number, now, agree=True),
        "refuse": lambda: reversals.settle(actor, number, now, agree=False),
        "show": lambda: shown.append(reversals.show(actor, number, now)),
    }
    if deed not in deeds:
        raise NotFound(_("没有找到。"))
    fault = attempt(request, str(number), deeds[deed])
    if fault or shown:
        return _page(request, fault, shown[0] if shown else "")
    return done(request, _("已记录。"), reverse("privacy-reversals"))


def _page(request: HttpRequest, fault: Fault | None, found: str = "") -> HttpResponse:
    actor = actor_of(request)
    agrees = may(actor, "pseudonym.agree")
    page = ReversalsPage(
        reversals.listed(actor, own=not agrees), may(actor, "pseudonym.ask"), agrees, actor.account_id,
        tuple(Choice(key, _(name), False) for key, name in NAMES.items()),
        tuple(Choice(key, name, False) for key, name in rulebook().purposes.items()), found, fault,
    )  # fmt: skip
    return render(request, "my/reversals.html", {"page": page}, status=fault.status if fault else 200)
