# SPDX-License-Identifier: Apache-2.0
"""Components as vector tiles for our own maps: what the OGC door offers, for a signed-in browser, under the same policy.

A tile is kept as long as the register's newest version is the same, and at most a minute: a version is numbered when it is
written and seen when it is committed, so of two writers the later number may be seen first.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import signed_in
from chengyun.cases.components.queries import Asked
from chengyun.cases.components.register import Kind, kind
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.protocols.ogc.keep import Answer, Kept
from chengyun.protocols.ogc.layers import Seen, see_all
from chengyun.protocols.ogc.tiles import Tile, ask_cells, encode_points, thinned
from chengyun.web.cache import kept, view_of
from chengyun.web.components.asking import read_asked

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
KEPT_BYTES = 16 * 1024 * 1024
KEPT_FOR_S = 60.0
SEEN_FOR_S = 5.0
FAR, CLOSE = ("state",), ("key", "name", "category", "state")
"""Properties of a tile that stands for many things by few, and of one that shows each."""

_tiles = Kept(KEPT_BYTES)
_lock = threading.Lock()


@require_safe
@signed_in
def tile(request: HttpRequest, zoom: int, column: int, row: int) -> HttpResponse:
    """Send one tile of the components that the filters of the list leave."""
    known = kind()
    where = Tile(zoom, row, column)
    seen = _narrowed(_seen(actor_of(request), known), read_asked(request))
    version = (newest_version(known), int(time.monotonic() / KEPT_FOR_S))
    question = (seen.view, where)
    with _lock:
        answer = _tiles.get(question, version)
    if answer is None:
        answer = Answer(_drawn(seen, where), MEDIA_TYPE)
        with _lock:
            _tiles.put(question, version, answer, answer.size)
    assert isinstance(answer, Answer)
    return _reply(request, answer)


def newest_version(known: Kind) -> int:
    """Return the number of the register's newest version of any row: the history has one for every change."""
    history = apps.get_model(known.model._meta.app_label, f"{known.model.__name__}Event")
    found: int | None = history._default_manager.aggregate(most=Max("pgh_id"))["most"]
    return found or 0


def _seen(actor: Actor, known: Kind) -> Seen:
    """Return the register as the actor may see it. Raises NotFound."""
    layers = kept(("component-layer", view_of(actor)), lambda: see_all(settings.CITY, actor), SEEN_FOR_S)
    if known.dataset not in layers:
        raise NotFound("There is no such layer.")
    return layers[known.dataset]


def _narrowed(seen: Seen, asked: Asked) -> Seen:
    """Return a layer with what a list's filters leave of it."""
    parts, params = [seen.where, "r.valid_to IS NULL"], dict(seen.params)
    if asked.category:
        parts.append("r.category LIKE %(category)s")
        params["category"] = f"{asked.category}%"
    if asked.state:
        parts.append("r.state = %(state)s")
        params["state"] = asked.state
    if asked.area:
        parts.append("r.area_code LIKE %(area)s")
        params["area"] = f"{asked.area}%"
    if asked.grid:
        parts.append("r.grid_code = %(grid)s")
        params["grid"] = asked.grid
    return dataclasses.replace(seen, where=" AND ".join(parts), params=params, key="components")


def _drawn(seen: Seen, where: Tile) -> bytes:
    zone = config().zone
    asked = ask_cells(seen, where, zone)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.params)
        cells: list[Any] = cursor.fetchall()
        if not cells:
            return b""
        wanted = FAR if thinned(cells) else CLOSE
        shown = dataclasses.replace(seen, columns={key: seen.columns[key] for key in wanted if key in seen.columns})
        cursor.execute(*asked.second(shown, cells))
        rows: list[Any] = cursor.fetchall()
    return encode_points(shown, where, cells, rows)


def _reply(request: HttpRequest, answer: Answer) -> HttpResponse:
    headers = {"ETag": answer.tag, "Cache-Control": "private, max-age=10", "Vary": "Cookie, Accept-Encoding"}
    if request.headers.get("If-None-Match") == answer.tag:
        return HttpResponseNotModified(headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", "") and answer.body:
        return HttpResponse(answer.zipped, content_type=MEDIA_TYPE, headers=headers | {"Content-Encoding": "gzip"})
    return HttpResponse(answer.body, content_type=MEDIA_TYPE, headers=headers)
