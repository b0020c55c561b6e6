# SPDX-License-Identifier: Apache-2.0
"""What holds for every request: each view has a door, sessions end, private pages stay private, slow senders wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from chengyun.access import safeguards
from chengyun.access.actors import actor_of
from chengyun.access.lockout import remember
from chengyun.access.models import Account
from chengyun.access.rulebook import rulebook
from chengyun.access.views import answer_at, door_of, dotted_name

log = logging.getLogger(__name__)

SEEN, SINCE = "access.seen", "access.since"
SEEN_EVERY_S = 60
"""How exactly the last use is known: a session is written once a minute, not at every request."""

UPLOADS = ("/openrosa/", "/forms/", "/report", "/catalogue/transfer/")
"""Where photos are sent to."""
LARGEST_UPLOAD = 100 * 1024 * 1024
READ_AT_ONCE = 2
"""Bodies read at a time, of the web process's four threads: readers always find the others."""
WAIT_S = 0.5

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
    """Sign out a session that was not used, or has lasted, for as long as policy.toml says; sooner idle for privileged roles."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now, session, book = time.time(), request.session, rulebook()
            seen, since = session.get(SEEN), session.get(SINCE, now)
            privileged = bool(actor_of(request).roles & book.privileged)
            limit_s = 60 * (book.privileged_idle_min if privileged else book.idle_min)
            if (seen is not None and now - seen > limit_s) or now - since > 60 * book.longest_min:
                logout(request)
                del request._actor  # type: ignore[attr-defined]  # decided before the session ended
            elif seen is None or now - seen > SEEN_EVERY_S:
                session[SEEN], session[SINCE] = now, since
        return get_response(request)

    return middleware


def private(get_response: Answer) -> Answer:
    """Keep what a known person was shown out of every cache, send whoever owes a safeguard to it, and know the browser again."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = _safeguard(request) or get_response(request)
        if request.user.is_authenticated or "Authorization" in request.headers:
            answer.headers.setdefault("Cache-Control", "private, no-store")
        if isinstance(request.user, Account):
            remember(request, answer, request.user)
        return answer

    return middleware


def bodies(get_response: Answer) -> Answer:
    """Read what is sent before anything else, a few at a time: whoever sends slowly holds up other senders, but no reader."""
    slots = threading.BoundedSemaphore(READ_AT_ONCE)

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.META.get("CONTENT_LENGTH") not in (None, "", "0"):
            if not slots.acquire(timeout=WAIT_S):
                return HttpResponse(status=503, headers={"Retry-After": "5"})
            try:
                if request.path.startswith(UPLOADS) and (request.content_type or "").startswith("multipart/"):
                    if int(request.META["CONTENT_LENGTH"]) > LARGEST_UPLOAD:
                        return HttpResponse(status=413)
                    _ = request.FILES  # photos go to files of their own
                else:
                    _ = request.body  # kept by Django; larger than DATA_UPLOAD_MAX_MEMORY_SIZE is refused by it
            finally:
                slots.release()
        return get_response(request)

    return middleware


def _safeguard(request: HttpRequest) -> HttpResponse | None:
    if not isinstance(request.user, Account) or request.path.startswith(("/accounts/", "/static/")):
        return None
    page = safeguards.owed(request.user, actor_of(request))
    return redirect(page) if page else None
