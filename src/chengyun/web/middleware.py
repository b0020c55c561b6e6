# SPDX-License-Identifier: Apache-2.0
"""What every request and answer carries: addresses that can be asked by, the reader's choices of language and look, and a strict
content security policy."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import escape_leading_slashes

from chengyun.config import config
from chengyun.web.live import stream_url

YEAR_S = 365 * 86400
THEMES = ("light", "dark")

Answer = Callable[[HttpRequest], HttpResponse]


def readable(get_response: Answer) -> Answer:
    """Leave NUL characters out of the addresses of pages: no text in the database holds one, so none can be asked for by it.

    Programs, under /api/, are told that what they ask for is wrong.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info:
            request.path_info, request.path = request.path_info.replace("\x00", ""), request.path.replace("\x00", "")
        if not request.path_info.startswith("/api/"):
            request.META["QUERY_STRING"] = request.META.get("QUERY_STRING", "").replace("%00", "")
        return get_response(request)

    return middleware


def choices(get_response: Answer) -> Answer:
    """Keep ?lang=… and ?theme=… in a cookie and go back to the same page without them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or not ("lang" in request.GET or "theme" in request.GET):
            return get_response(request)
        query = request.GET.copy()
        language, theme = query.pop("lang", [""])[-1], query.pop("theme", [""])[-1]
        # A path may begin with two slashes, which a browser takes for another site.
        path = escape_leading_slashes(request.path)
        answer = HttpResponseRedirect(path + (f"?{query.urlencode()}" if query else ""))
        if language in dict(settings.LANGUAGES):
            answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=YEAR_S, samesite="Lax")
        if theme in THEMES:
            answer.set_cookie("theme", theme, max_age=YEAR_S, samesite="Lax")
        return answer

    return middleware


def security(get_response: Answer) -> Answer:
    """Forbid everything but our own files, the stream process and, when set, the background map's host."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        answer.headers.setdefault("Content-Security-Policy", policy(request))
        answer.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(self), payment=()")
        return answer

    return middleware


def policy(request: HttpRequest, *, script: str = "") -> str:
    """Return the content security policy of an answer. script: what its scripts may beside running from our own files."""
    tiles = urlsplit(config().tiles_url or "")
    tiles_origin = f" {tiles.scheme}://{tiles.netloc}" if tiles.netloc else ""
    stream = urlsplit(stream_url(request))
    return (
        f"default-src 'none'; script-src 'self'{script}; worker-src 'self'; font-src 'self'; manifest-src 'self'; "
        # Attributes only: a swatch's colour comes from a pack's declaration, and ECharts places its tooltip by style.
        "form-action 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "
        f"img-src 'self' data: blob:{tiles_origin}; connect-src 'self' {stream.scheme}://{stream.netloc}{tiles_origin}"
    )
