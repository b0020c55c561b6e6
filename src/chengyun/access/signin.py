# SPDX-License-Identifier: Apache-2.0
"""The page behind a one-time link: a person chooses a password, the first one a name as well."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import login
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chengyun.access import services
from chengyun.access.views import public
from chengyun.errors import NotFound, Refused


@dataclass(frozen=True)
class FirstPage:
    """known: name of the account the link is for; "" when it makes the first administrator. rules: of passwords.

    username, name: as typed. fault: what was wrong with them, or "".
    """

    known: str
    rules: tuple[str, ...]
    username: str
    name: str
    fault: str


@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("password", "again")
@public
def first(request: HttpRequest, code: str) -> HttpResponse:
    """Show the form; on POST use the link and sign in. The link itself is the only way in, and it works once."""
    link = services.find_first_sign_in(code)
    username, name = request.POST.get("username", ""), request.POST.get("name", "")
    fault = ""
    if request.method == "POST":
        try:
            if request.POST.get("password") != request.POST.get("again"):
                raise Refused(_("两次输入的口令不同。"))
            account = services.use_first_sign_in(code, request.POST.get("password", ""), username, name)
        except NotFound:
            raise
        except Refused as refused:
            fault = refused.sentence
        else:
            if is_mfa_enabled(account):
                return redirect("account_login")  # a link replaces the password, not the second factor
            login(request, account)
            return redirect("/")
    page = FirstPage(str(link.account or ""), tuple(password_validators_help_texts()), username, name, fault)
    # Not with `Referrer-Policy: no-referrer`: browsers then post with `Origin: null`, which CSRF protection must refuse. The
    # policy of every page, same-origin, already keeps the address from other sites.
    return render(request, "account/first.html", {"page": page}, status=400 if fault else 200)
