# SPDX-License-Identifier: Apache-2.0
"""What holds for every request: each view has a door, and a session nobody uses ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse

from chengyun.access.actors import actor_of
from chengyun.access.rulebook import rulebook
from chengyun.access.views import answer_at, door_of, dotted_name

log = logging.getLogger(__name__)

SEEN = "access.seen"
SEEN_EVERY_S = 60
"""How exactly the last use is known: a session is written once a minute, not at every request."""

Answer = Callable[[HttpRequest], HttpResponse]


def doors(get_response: Answer) -> Answer:
    """Ask at the door of views that are not ours. A view without one is refused: what nobody declared, nobody may open."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, view: Callable[..., Any], args: object, kwargs: object) -> HttpResponse | None:  # noqa: ARG001
        if hasattr(view, "door"):
            return None  # it asks by itself
        door = door_of(view)
        if door is None:
            log.error("The view %s has no door; declare one with chengyun.access.views.", dotted_name(view))
            raise Http404
        return answer_at(door, request)

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def idle(get_response: Answer) -> Answer:
    """Sign out a session that was not used for as long as policy.toml says; sooner for privileged roles."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now, seen = time.time(), request.session.get(SEEN)
            book = rulebook()
            privileged = bool(actor_of(request).roles & book.privileged)
            limit_s = 60 * (book.privileged_idle_min if privileged else book.idle_min)
            if seen is not None and now - seen > limit_s:
                logout(request)
                del request._actor  # type: ignore[attr-defined]  # decided before the session ended
            elif seen is None or now - seen > SEEN_EVERY_S:
                request.session[SEEN] = now
        return get_response(request)

    return middleware
