# SPDX-License-Identifier: Apache-2.0
"""A person's own account: what they may do here, the second factor, and keys for programs of theirs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chengyun.access import own_tokens
from chengyun.access.actors import actor_of
from chengyun.access.models import Account
from chengyun.access.policy import may
from chengyun.access.views import signed_in
from chengyun.areas.queries import names_of
from chengyun.errors import NotFound
from chengyun.web import shown
from chengyun.web.desk.deeds import Fault, attempt, done


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role of the person. area: name of the area it reaches; "": the whole city."""

    role: str
    organisation: str
    area: str
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Key:
    """One key in use."""

    prefix: str
    name: str
    scopes: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


@dataclass(frozen=True)
class AccountPage:
    """requests: whether they see requests for data. second_factor: whether one is set up.

    new_key: a key just made, shown this once; "" otherwise.
    """

    username: str
    name: str
    organisation: str
    requests: bool
    roles: tuple[RoleHeld, ...]
    second_factor: bool
    last_login: dt.datetime | None
    keys: tuple[Key, ...]
    lives: tuple[int, ...]
    new_key: str
    fault: Fault | None


@require_safe
@never_cache
@signed_in
def account_page(request: HttpRequest) -> HttpResponse:
    """Show the signed-in person's account."""
    return _shown(request)


@require_POST
@never_cache
@signed_in
def make_key(request: HttpRequest) -> HttpResponse:
    """Make a key and show it, once: the page is the answer itself, so that the key is in no session and in no address."""
    account, made = _account(request), [""]
    days = request.POST.get("days", "")

    def do() -> None:
        lives = int(days) if days.isascii() and days.isdigit() else 0
        use = request.POST.get("use") or "read"
        made[0] = own_tokens.make(actor_of(request), account, request.POST.get("name", ""), lives, use=use)

    fault = attempt(request, "key", do)
    return _shown(request, made[0], fault)


@require_POST
@signed_in
def revoke_key(request: HttpRequest, prefix: str) -> HttpResponse:
    """Revoke one of the person's keys."""
    own_tokens.revoke(actor_of(request), _account(request), prefix)
    return done(request, _("密钥已撤销。"), reverse("account"))


def _shown(request: HttpRequest, new_key: str = "", fault: Fault | None = None) -> HttpResponse:
    account = _account(request)
    held = account.assignments.filter(since__lte=timezone.now()).exclude(until__lte=timezone.now())
    rows = list(held.select_related("organisation").order_by("role", "id"))
    codes = {code for one in rows if (code := one.area_code or (one.organisation.area_code if one.organisation else ""))}
    names = names_of(codes)
    page = AccountPage(
        username=account.username,
        name=account.name,
        organisation=account.organisation.name if account.organisation else "",
        requests=may(actor_of(request), "request.read"),
        roles=tuple(
            RoleHeld(
                str(one.get_role_display()),
                one.organisation.name if one.organisation else "",
                names.get(one.area_code or (one.organisation.area_code if one.organisation else ""), ""),
                one.until,
            )
            for one in rows
        ),
        second_factor=is_mfa_enabled(account),
        last_login=account.last_login,
        keys=tuple(
            Key(one.prefix, one.name, shown.listed(one.scopes), one.created_at, one.expires_at) for one in own_tokens.own(account)
        ),
        lives=own_tokens.LIVES_DAYS,
        new_key=new_key,
        fault=fault,
    )
    return render(request, "desk/account.html", {"page": page}, status=fault.status if fault else 200)


def _account(request: HttpRequest) -> Account:
    """Return the account of the session; a key speaks for a program, which has no account page."""
    if not isinstance(request.user, Account):
        raise NotFound("A key has no account page; sign in.")
    return request.user
