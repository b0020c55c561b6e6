# SPDX-License-Identifier: Apache-2.0
"""How a page does something: one form, one service; done, the page is asked for again; refused, it says why and keeps what
was typed. The forms work without a script; with one, htmx replaces `main` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from chengyun.errors import Malformed, NotFound, Refused, Unavailable

CONFLICTS = frozenset({"stale_alert", "stale_case", "alert_in_case", "settled"})
"""Codes that mean "not any more": somebody else was faster, or something else must happen first."""


@dataclass(frozen=True)
class Fault:
    """A refusal, shown at the form it came from.

    form: name of that form. given: what was typed, so that nothing is typed twice. status: of the answer.
    """

    form: str
    sentence: str
    status: int
    given: Mapping[str, str] = field(default_factory=dict)


def attempt(request: HttpRequest, form: str, do: Callable[[], object]) -> Fault | None:
    """Do it; return None, or why not. NotFound goes on: what is absent is not explained."""
    try:
        if any("\x00" in value for value in request.POST.values()):
            raise Refused(_("内容里有无法保存的字符，请重新输入。"), code="character")
        do()
    except NotFound:
        raise
    except (Refused, Malformed, Unavailable) as refused:
        return Fault(form, refused.sentence, _status(refused), request.POST.dict())
    return None


def done(request: HttpRequest, sentence: str, back: str) -> HttpResponse:
    """Say that it is done, on the page that was asked from (`next`), or on `back`."""
    messages.success(request, sentence)
    return HttpResponseRedirect(asked_back(request, back), status=303)


def asked_back(request: HttpRequest, back: str) -> str:
    """Return the address of this site that the form names to go on to, or `back`."""
    wanted = request.POST.get("next", "")
    return wanted if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else back


def _status(refused: Refused | Malformed | Unavailable) -> int:
    if isinstance(refused, Unavailable):
        return 503
    if refused.code == "not_allowed":
        return 403
    return 409 if refused.code in CONFLICTS else 400
