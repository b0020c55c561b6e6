# SPDX-License-Identifier: Apache-2.0
"""The city on one map (一张图), and the shapes and points every map on our pages asks for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings as app_settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.areas.queries import boundaries
from chengyun.config import config
from chengyun.errors import NotFound
from chengyun.web import shown
from chengyun.web.cache import kept, view_of
from chengyun.web.layers import Layer, declared_layers, layer
from chengyun.web.places import KEPT_FOR_S, extent

LEVELS = ("district", "street")
"""Levels of areas a map offers; finer ones are too many to draw whole."""


@dataclass(frozen=True)
class CityMap:
    """A map in a page. id: of its element. settings: what its script is told, under settings_id."""

    id: str
    settings_id: str
    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class AreaLevel:
    level: str
    name: str
    shown: bool


@dataclass(frozen=True)
class MapPage:
    """layers: every layer the reader may see, the first one switched on. levels: of areas."""

    map: CityMap
    layers: tuple[Layer, ...]
    levels: tuple[AreaLevel, ...]


def city_map(
    element_id: str, name: str, layers: tuple[Layer, ...], *, wall: bool = False, levels: tuple[str, ...] = ("district",)
) -> CityMap:
    """Return a map with layers of points, the first of them shown, over the outlines of areas."""
    settings = config()
    version, where = _language_tag(), extent()
    areas = [
        {"level": one, "url": f"{reverse('areas-shapes', args=[one])}?{version}", "shown": one == "district"} for one in levels
    ]
    told = {
        "wall": wall,
        "scale": 1.6 if wall else 1,
        "fit": "district",
        "bounds": where.box,
        "tiles": {"url": settings.tiles_url, "credit": settings.tiles_credit} if settings.tiles_url else None,
        "credits": where.credits,
        "areas": areas,
        "layers": [
            {
                "id": one.id,
                "url": f"{reverse('layer-points', args=[one.id])}?{version}",
                "value_name": _(one.value_name) if one.value_name else "",
                "source": _(one.source) if one.source else "",
                "shown": place == 0,
                "live": _live(one),
            }
            for place, one in enumerate(layers)
        ],
        "words": {
            "fresh": _("及时"), "partial": _("不全"), "stale": _("过时"), "missing": _("缺数"), "simulated": _("模拟"),
            "source": _("来源："), "details": _("详情"), "why": _("为什么？"),
        },
        "locale": {
            "Map.Title": name,
            "NavigationControl.ZoomIn": _("放大"),
            "NavigationControl.ZoomOut": _("缩小"),
            "Popup.Close": _("关闭"),
            "AttributionControl.MapFeedback": _("反馈"),
            "AttributionControl.ToggleAttribution": _("来源"),
            "ScaleControl.Meters": "m",
            "ScaleControl.Kilometers": "km",
            "CooperativeGesturesHandler.WindowsHelpText": "",
        },
    }  # fmt: skip
    return CityMap(element_id, f"{element_id}-settings", name, told)


@require_safe
@public
def map_page(request: HttpRequest) -> HttpResponse:
    """Show every layer of every pack on one map."""
    actor, now = actor_of(request), timezone.now()
    layers = tuple(found for name in declared_layers() if (found := layer(name, actor, now)))
    levels = (AreaLevel("district", _("区县"), True), AreaLevel("street", _("街道"), False))
    page = MapPage(city_map("city-map", _("一张图"), layers, levels=LEVELS), layers, levels)
    return render(request, "web/map.html", {"page": page})


@require_safe
@public
def area_shapes(request: HttpRequest, level: str) -> HttpResponse:
    """Return a level's outlines as GeoJSON, with an ETag: a browser asks again only whether they changed."""
    if level not in LEVELS:
        raise NotFound(f"There are no shapes of level {level!r}; there are those of {', '.join(LEVELS)}.")
    body, tag = kept(("areas", level, _language_tag()), lambda: _encoded_shapes(level), KEPT_FOR_S)
    return _tagged(request, body, tag, "public, max-age=60")


@require_safe
@public
def layer_points(request: HttpRequest, layer_id: str) -> HttpResponse:
    """Return a layer's entities as GeoJSON, as the reader may see them, kept for a second."""
    actor = actor_of(request)

    def make() -> tuple[bytes, str]:
        found = layer(layer_id, actor, timezone.now())
        if found is None:
            raise NotFound(f"There is no layer {layer_id!r}.")
        body = msgspec.json.encode(_points(found))
        return body, _digest(body)

    body, tag = kept(("layer", layer_id, view_of(actor), get_language()), make)
    return _tagged(request, body, tag, "private, no-cache")


def _live(found: Layer) -> dict[str, Any]:
    """Return what a script needs to show a value of the layer that has just arrived, as the server would."""
    stream = app_settings.CITY.streams.get(found.dataset)
    return {
        "dataset": found.dataset,
        "entity": stream.entity.key if stream else None,
        "field": found.field,
        "place": [one.key for one in stream.quantities].index(found.field) if stream and found.field else None,
        "decimals": found.decimals,
        "bands": [[band.upto, band.colour, _(band.name)] for band in found.scale.bands] if found.scale else [],
    }


def _tagged(request: HttpRequest, body: bytes, tag: str, cache: str) -> HttpResponse:
    headers = {"ETag": f'"{tag}"', "Cache-Control": cache, "Vary": "Accept-Language, Cookie"}
    if request.headers.get("If-None-Match") == f'"{tag}"':
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(body, content_type="application/geo+json", headers=headers)


def _encoded_shapes(level: str) -> tuple[bytes, str]:
    shapes = boundaries(level)
    english = _language_tag() == "en"
    features = [
        {
            "type": "Feature",
            "properties": {
                "code": one["properties"]["code"],
                "name": (one["properties"]["name_en"] if english else "") or one["properties"]["name"],
                "lon": one["properties"]["lon"],
                "lat": one["properties"]["lat"],
            },
            "geometry": one["geometry"],
        }
        for one in shapes["features"]
    ]
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return body, _digest(body)


def _points(found: Layer) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "areas": {
            one.code: {"text": shown.number(one.figure.value, one.figure.decimals), "colour": one.figure.band.colour}
            for one in found.areas
            if one.figure.band and one.figure.status in ("fresh", "partial")
        },
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [point.lon, point.lat]},
                "properties": {
                    "key": point.key,
                    "name": point.name,
                    "text": shown.number(point.value, found.decimals),
                    "unit": shown.unit(found.unit),
                    "band": _(point.band.name) if point.band else None,
                    "colour": point.band.colour if point.band else None,
                    "status": point.status,
                    "time": point.time.isoformat() if point.time else None,
                    "time_text": point.time_text,
                    "simulated": point.simulated,
                    "href": point.href,
                    "why": f"/why/{point.figure_id}" if point.figure_id else None,
                },
            }
            for point in found.points
        ],
    }


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:20]


def _language_tag() -> str:
    return "en" if (get_language() or "").startswith("en") else "zh"
