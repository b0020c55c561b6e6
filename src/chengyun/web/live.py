# SPDX-License-Identifier: Apache-2.0
"""Where live updates come from: the stream process, on a port of its own or behind the installation's proxy."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.policy import scope
from chengyun.access.tickets import Ticket, sign
from chengyun.access.views import public
from chengyun.city import City
from chengyun.config import config

TICKET_LASTS = dt.timedelta(minutes=10)
"""Long enough to ask seldom, short enough that a right that is taken away soon is."""


def stream_url(request: HttpRequest) -> str:
    """Return the address of the stream process as the reader's browser reaches it, without a slash at the end."""
    own = config()
    if own.stream_url:
        return own.stream_url.rstrip("/")
    # The host as asked, with the neighbouring port; an IPv6 address keeps its brackets.
    host = request.get_host()
    name = host[: host.rindex("]") + 1] if host.startswith("[") else host.split(":")[0]
    return f"{request.scheme}://{name}:{own.stream_port}"


def ticket_for(actor: Actor, now: dt.datetime) -> tuple[str, dt.datetime]:
    """Return a signed ticket for what the actor may see live, and when it ends."""
    city: City = settings.CITY
    names = [*city.streams, *city.indicators, *city.cases, "alerts", "cases"]
    views = {name: allowed.view() for name in names if (allowed := scope(actor, name)).allowed}
    # A view of no area is a dataset of which nothing could be told live; it only makes the address longer.
    datasets = {name: view for name, view in views.items() if view.areas}
    ends = now + TICKET_LASTS
    who = str(actor.account_id) if actor.account_id is not None else "anonymous"
    return sign(config().secret, Ticket(who, datasets, ends)), ends


@require_safe
@public
@never_cache
def live_ticket(request: HttpRequest) -> JsonResponse:
    """Return a new ticket for a page that stays open."""
    ticket, ends = ticket_for(actor_of(request), timezone.now())
    return JsonResponse({"ticket": ticket, "expires": ends.isoformat()})


def live_settings(request: HttpRequest, refresh: str) -> dict[str, str]:
    """Return what the script of a live page is told. refresh: the address of the page's changing parts."""
    ticket, ends = ticket_for(actor_of(request), timezone.now())
    return {
        "url": stream_url(request),
        "ticket": ticket,
        "expires": ends.isoformat(),
        "renew": reverse("live-ticket"),
        "refresh": refresh,
    }
