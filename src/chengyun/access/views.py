# SPDX-License-Identifier: Apache-2.0
"""Doors: every view says who may come in, or nobody may.

    @public                    anyone; what is shown is still decided by scope()
    @signed_in                 any account
    @needs("case.handle")      an action of policy.toml
    @reads("audit")            whoever may read a dataset at all; @reads("accounts", purpose="account") for persons

A view of somebody else's (allauth, Django's admin) stands in FOREIGN. A view without a door is refused at run time by
DoorMiddleware, and the walk through all URLs fails.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import may, scope

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in. name: the action or dataset."""

    kind: Literal["public", "signed_in", "needs", "reads"]
    name: str = ""
    purpose: str | None = None


PUBLIC = Door("public")
SIGNED_IN = Door("signed_in")

FOREIGN: dict[str, Door] = {
    "allauth.account.views.LoginView": PUBLIC,
    "allauth.account.views.LogoutView": PUBLIC,
    "allauth.account.views.SignupView": PUBLIC,
    "allauth.account.views.AccountInactiveView": PUBLIC,
    "allauth.account": SIGNED_IN,
    "allauth.mfa.base.views.AuthenticateView": PUBLIC,  # the second step of signing in
    "allauth.mfa": SIGNED_IN,
    "django.views.i18n.set_language": PUBLIC,
    "django.views.i18n.JavaScriptCatalog": PUBLIC,
    "django.views.generic.base.RedirectView": PUBLIC,  # shows nothing; where it leads asks for itself
    "django.contrib.admin": Door("needs", "administration.enter"),
}
"""Dotted name of a view, or of the package it comes from → its door; the longest that fits counts."""


def public(view: View[P]) -> View[P]:
    """Let anyone in."""
    return _door(PUBLIC)(view)


def signed_in(view: View[P]) -> View[P]:
    """Let in whoever has signed in; others are sent to the sign-in page."""
    return _door(SIGNED_IN)(view)


def needs(action: str) -> Callable[[View[P]], View[P]]:
    """Let in whoever may do an action, somewhere; where exactly, the service asks with the area."""
    return _door(Door("needs", action))


def reads(dataset: str, purpose: str | None = None) -> Callable[[View[P]], View[P]]:
    """Let in whoever may read anything of a dataset."""
    return _door(Door("reads", dataset, purpose))


def door_of(view: Callable[..., Any]) -> Door | None:
    """Return a view's door, None when it has none."""
    own: Door | None = getattr(view, "door", None)
    if own is not None:
        return own
    name = dotted_name(view)
    fitting = [known for known in FOREIGN if name == known or name.startswith(f"{known}.")]
    return FOREIGN[max(fitting, key=len)] if fitting else None


def dotted_name(view: Callable[..., Any]) -> str:
    """Return where a view is written: for a class-based one the class, for a method of an admin site its class."""
    view = getattr(view, "view_class", None) or view
    if (site := getattr(view, "admin_site", None)) is not None or (site := getattr(view, "model_admin", None)) is not None:
        return f"django.contrib.admin.{type(site).__name__}.{getattr(view, '__name__', '')}"
    view = getattr(view, "func", view)
    return f"{getattr(view, '__module__', '')}.{getattr(view, '__qualname__', type(view).__name__)}"


def opens(door: Door, actor: Actor) -> bool:
    """Say whether an actor may pass."""
    match door.kind:
        case "public":
            return True
        case "signed_in":
            return actor.signed_in
        case "needs":
            return may(actor, door.name)
        case "reads":
            return scope(actor, door.name, door.purpose).allowed


def answer_at(door: Door, request: HttpRequest) -> HttpResponse | None:
    """Return None for whoever may pass; otherwise the way to sign in. Raises Http404 for a known person who may not."""
    if door.kind == "public":
        return None
    actor = actor_of(request)
    if opens(door, actor):
        return None
    if actor.signed_in:
        raise Http404(_("没有找到。"))
    if request.path.startswith("/api/") or "Authorization" in request.headers:
        answer = JsonResponse({"code": "sign_in", "message": _("请先登录，或附上密钥。")}, status=401)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return redirect_to_login(request.get_full_path())


def _door(door: Door) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            return answer_at(door, request) or view(request, *args, **kwargs)

        inner.door = door  # type: ignore[attr-defined]
        return inner

    return decorate
