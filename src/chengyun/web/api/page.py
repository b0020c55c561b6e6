# SPDX-License-Identifier: Apache-2.0
"""The description of the data service for people, and the document itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

from chengyun.access.actors import actor_of
from chengyun.access.policy import scope
from chengyun.access.rulebook import rulebook
from chengyun.access.views import public
from chengyun.web.api.openapi import PREFIX, PROBLEMS, description
from chengyun.web.api.routes import ROUTES, Route
from chengyun.web.live import stream_url


@dataclass(frozen=True, slots=True)
class ParamLine:
    """A parameter as the page lists it. values: what it may be."""

    name: str
    says: str
    values: str
    required: bool
    example: str


@dataclass(frozen=True, slots=True)
class RouteLine:
    """An address. href: an example that can be followed; "" when a part of the address is not known beforehand."""

    path: str
    says: str
    params: tuple[ParamLine, ...]
    href: str


@dataclass(frozen=True)
class ApiPage:
    """body: an example of what is sent to the stream process. datasets: how many this reader may read."""

    routes: tuple[RouteLine, ...]
    host: str
    stream_url: str
    stream: str
    bodies: tuple[tuple[str, str], ...]
    problems: tuple[tuple[str, str], ...]
    datasets: int


def _document(request: HttpRequest) -> bytes:
    return json.dumps(description(settings.CITY, stream_url(request)), ensure_ascii=False, indent=1).encode()


def _tag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_document(request)).hexdigest()[:24]}"'


@require_safe
@public
@cache_control(no_cache=True)
@condition(etag_func=_tag)
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document."""
    return HttpResponse(_document(request), content_type="application/json")


@require_safe
@public
def reference(request: HttpRequest) -> HttpResponse:
    """Show the addresses, their parameters and examples."""
    told = description(settings.CITY, stream_url(request))
    content = told["paths"]["/ingest/{stream}"]["post"]["requestBody"]["content"]["application/json"]
    actor = actor_of(request)
    page = ApiPage(
        routes=tuple(_line(route) for route in ROUTES),
        host=request.build_absolute_uri("/").rstrip("/"),
        stream_url=stream_url(request),
        stream=next(iter(settings.CITY.streams), ""),
        bodies=tuple((one["summary"], json.dumps(one["value"], ensure_ascii=False)) for one in content["examples"].values()),
        problems=tuple(PROBLEMS.items()),
        datasets=sum(scope(actor, key).allowed for key in rulebook().datasets),
    )
    return render(request, "api/reference.html", {"page": page})


def _line(route: Route) -> RouteLine:
    href = PREFIX + route.path
    for one in route.params:
        if one.place == "path":
            href = href.replace(f"{{{one.name}}}", str(one.example)) if isinstance(one.example, str) else ""
    lines = []
    for one in route.params:
        low, high = one.within
        limits = f"{low}–{high}" if one.kind == "integer" and one.place == "query" else ""
        lines.append(
            ParamLine(one.name, one.says, " | ".join(one.among) or limits or one.kind, one.required, str(one.example or ""))
        )
    return RouteLine(PREFIX + route.path, route.says, tuple(lines), "" if route.name in ("entity", "case") else href)
