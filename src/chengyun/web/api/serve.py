# SPDX-License-Identifier: Apache-2.0
"""How a route is served: who asks, what is asked, the answer as JSON; every refusal a JSON problem."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from chengyun.access.actors import ANONYMOUS, actor_of
from chengyun.access.views import public
from chengyun.errors import NotFound, Problem
from chengyun.web.api.asked import read_params
from chengyun.web.api.routes import Route
from chengyun.web.problems import status_of

NO_SUCH = "There is nothing here, or your account or key may not see it."


class PlainEncoder(DjangoJSONEncoder):
    """Instants keep their microseconds: a cursor or an evidence must find the very same row again."""

    def default(self, value: object) -> Any:
        return value.isoformat() if hasattr(value, "isoformat") else super().default(value)


def view_of(route: Route) -> Callable[..., HttpResponseBase]:
    """Return the Django view of a route. What may be seen is decided by scope(), inside."""

    def view(request: HttpRequest, /, **path: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return _with(problem(405, "method", "Only GET is possible here."), "Allow", "GET, HEAD")
        actor = actor_of(request)
        if "Authorization" in request.headers and actor is ANONYMOUS:
            refused = problem(401, "token", "The token is unknown, expired, revoked, or not for reading. See your account page.")
            return _with(refused, "WWW-Authenticate", "Bearer")
        try:
            told = route.answer(actor, read_params(route.params, path, request.GET))
        except NotFound:
            return problem(404, "not_found", NO_SUCH)
        except Problem as wrong:
            status = status_of(wrong)
            if status is None:
                raise
            named = {"parameter": wrong.fields["parameter"]} if "parameter" in wrong.fields else {}
            return problem(status, wrong.code, wrong.sentence, **named)
        answer = as_json(told)
        if route.cached:
            tag = f'"{hashlib.sha256(answer.content).hexdigest()[:24]}"'
            if tag in request.headers.get("If-None-Match", ""):
                answer = HttpResponse(status=304)
            answer.headers["ETag"] = tag
        answer.headers["Cache-Control"] = "private, no-cache"
        patch_vary_headers(answer, ["Authorization", "Cookie", "Accept-Language"])
        return answer

    view.__name__ = re.sub(r"\W", "_", route.name)
    view.__doc__ = route.says
    # Nothing here changes anything, so there is nothing a foreign page could make a browser do.
    return csrf_exempt(public(view))


def as_json(told: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return an answer. Characters stay as they are: the text is Chinese, and half as long."""
    body = json.dumps(told, cls=PlainEncoder, ensure_ascii=False, allow_nan=False)
    return HttpResponse(body, content_type="application/json", status=status)


def problem(status: int, code: str, message: str, **more: object) -> HttpResponse:
    """Return a refusal."""
    return as_json({"code": code, "message": message, **more}, status)


def _with(answer: HttpResponse, header: str, value: str) -> HttpResponse:
    answer.headers[header] = value
    return answer
