# SPDX-License-Identifier: Apache-2.0
"""A map as a tile: districts tinted, things as dots, where they stood and what they said at the moment shown.

Things come from their register's history, values from figures, or from the stream as it was when its newest row was that of then.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import sql

from chengyun.access.policy import Scope, scope
from chengyun.city import City, sql_name
from chengyun.errors import Unavailable
from chengyun.lake.models import Receipt
from chengyun.operate.boards import memory
from chengyun.operate.boards.spec import TileSpec
from chengyun.operate.status import Status, status
from chengyun.web import shown
from chengyun.web.boards import drawing
from chengyun.web.boards.gathering import Asked
from chengyun.web.boards.shown import Band, Dot, Mapped, Point, Shape
from chengyun.web.heavy import heavy

__all__ = ["mapped"]

MOST_DOTS = 3000
LOOKED_BACK = dt.timedelta(days=7)
"""How far before the moment a thing's newest observation is looked for; older ones are no longer news."""
RECEIVED_WITHIN = dt.timedelta(minutes=2)
"""Rows received by a moment are in their stream so long after it at the latest: a request waits no longer for its commit."""

Valued = Callable[[str, str], dict[str, Any]]
Outline = tuple[float, float, tuple[tuple[Point, ...], ...]]
"""Where an area's name stands, and its rings."""


def mapped(tile: TileSpec, asked: Asked, valued: Valued) -> dict[str, Any]:
    """Return what a map's tile shows. valued: what is said of an indicator's figure of a subject."""
    layer = asked.words.find("layer", tile.layer)
    if layer is None:
        return {"title": tile.layer, "status": "missing", "empty": _("当时还没有这个图层。")}
    title, source = asked.said(layer["name"]), asked.said(layer.get("source", {"zh": "", "en": ""}))
    found = {"title": title, "source": source, "drill": reverse("map"), "empty": _("没有可以显示的位置。")}
    allowed = scope(asked.actor, layer["entity"])
    districts = asked.words.areas("district")
    tints = {code: valued(layer["areas"], code) for code in districts} if layer["areas"] else {}
    things = _things(layer["entity"], allowed, asked) if allowed.allowed else []
    values = _values(layer, things, asked)
    places = [(thing["lon"], thing["lat"]) for thing in things]
    places += asked.words.made("corners", lambda: _corners(districts))
    if not places:
        return found
    flat = drawing.Flat(places)
    outlines = asked.words.made(("outlines", flat.box), lambda: _outlines(districts, flat))
    shapes = [_shape(one, tints.get(code), outlines[code], asked) for code, one in districts.items() if code in outlines]
    dots = [_dot(thing, values.get(thing["key"]), layer, flat) for thing in things]
    bands = _bands(layer, tints, asked)
    known = [one[3] for one in values.values() if one[3]]
    says = _("%(name)s：%(count)d 处，其中 %(known)d 处有值。") % {
        "name": title, "count": len(dots), "known": sum(one[0] is not None for one in values.values()),
    }  # fmt: skip
    newest = max(known, default=None)
    return found | {
        "mapped": Mapped(flat.height, tuple(shapes), tuple(dots), bands, says), "known_at": newest,
        "age": shown.age(newest, asked.known.at) if newest else "",
        "unit": shown.unit(layer.get("unit", "")),
    }  # fmt: skip


def _things(entity: str, allowed: Scope, asked: Asked) -> list[dict[str, Any]]:
    """Return the register's things with a place, as they were registered at the moment shown."""
    city: City = settings.CITY
    if entity not in city.entities:
        return []
    pack = city.packs[entity.split(".")[0]].module.rsplit(".", 1)[1]
    model = apps.get_model(pack, city.entities[entity].model)
    day = timezone.localdate(asked.known.at)
    if asked.known.now:
        rows = list(
            allowed.rows_for(model._default_manager.exclude(lon=None).exclude(lat=None)).order_by("key").values()[: MOST_DOTS * 2]
        )
    else:
        allowed.count()
        if allowed.personal:
            allowed.record_read(asked.board.key)
        history = apps.get_model(pack, f"{city.entities[entity].model}Event")
        newest = (
            history._default_manager.filter(pgh_created_at__lte=asked.known.at)
            .order_by("pgh_obj_id", "-pgh_id")
            .distinct("pgh_obj_id")
        )
        known = history._default_manager.filter(pk__in=newest.values("pk")).exclude(Q(lon=None) | Q(lat=None)).filter(allowed.q())
        rows = list(known.order_by("key").values()[: MOST_DOTS * 2])
    found = []
    for row in rows:
        if row["valid_to"] is not None and row["valid_to"] <= day:
            continue
        seen = allowed.mask(row)
        if isinstance(seen.get("lon"), float) and isinstance(seen.get("lat"), float):
            found.append(
                {"id": row["id"], "key": row["key"], "name": seen.get("name", row["key"]), "lon": seen["lon"], "lat": seen["lat"],
                 "area_code": row["area_code"]}
            )  # fmt: skip
    return found[:MOST_DOTS]


Value = tuple[float | None, Status, str, dt.datetime | None]
"""value, status, class's colour, when it was."""


def _values(layer: Mapping[str, Any], things: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Value]:
    if layer["indicator"]:
        return _of_figures(layer["indicator"], things, asked)
    if layer["stream"] and things:
        seen = scope(asked.actor, layer["stream"])
        within = [thing for thing in things if seen.matches({"area_code": thing["area_code"]})]
        return _of_stream(layer, within, asked) if seen.allowed and within else {}
    return {}


def _of_figures(indicator: str, things: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Value]:
    text, allowed = asked.words.find("indicator", indicator), scope(asked.actor, indicator)
    if text is None or not allowed.allowed:
        return {}
    found: dict[str, Value] = {}
    fresh = asked.fresh(text)
    newest = memory.figures_newest([(indicator, thing["key"]) for thing in things], asked.known)
    for (_indicator, subject), ones in newest.items():
        shows = [one for one in ones if allowed.matches({"area_code": one.area_code, "period_start": one.period_start})]
        one = next((it for it in shows if it.value is not None), shows[0] if shows else None)
        if one is not None:
            stands = status(fresh, one.period_start, one.value, one.coverage, asked.known.at, asked.zone)
            found[subject] = (one.value, stands, colour_of(text["bands"], one.value), one.computed_at)
    return found


def _of_stream(layer: Mapping[str, Any], things: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Value]:
    rows = _latest(layer, things) if asked.known.now else _latest_then(layer, things, asked)
    silent = dt.timedelta(seconds=layer["silent_s"]) if layer["silent_s"] is not None else None
    found: dict[str, Value] = {}
    for key, at, value in rows:
        if asked.known.at - at > LOOKED_BACK:
            continue
        known = value if value is not None and math.isfinite(value) else None
        late = silent is not None and asked.known.at - at > silent
        stands: Status = "missing" if known is None else "stale" if late else "fresh"
        found[key] = (known, stands, colour_of(layer["bands"], known), at)
    return found


def _latest(layer: Mapping[str, Any], things: Sequence[Mapping[str, Any]]) -> list[tuple[str, dt.datetime, float | None]]:
    city: City = settings.CITY
    stream = city.streams[layer["stream"]]
    place = [one.key for one in stream.quantities].index(layer["field"])
    text = sql.SQL(
        "SELECT entity_id, time, CASE WHEN quality >> {} & 1 = 0 THEN {} END FROM {} WHERE entity_id = ANY (%s)"
    ).format(
        sql.Literal(8 + place), sql.Identifier(layer["field"]), sql.Identifier("lake", f"latest_{sql_name(layer['stream'])}")
    )
    keys = {thing["id"]: thing["key"] for thing in things}
    with connection.cursor() as cursor:
        cursor.execute(text, [list(keys)])
        return [(keys[entity], at, value) for entity, at, value in cursor.fetchall()]


def _latest_then(
    layer: Mapping[str, Any], things: Sequence[Mapping[str, Any]], asked: Asked
) -> list[tuple[str, dt.datetime, float | None]]:
    if asked.known.at > timezone.now() - RECEIVED_WITHIN:
        raise Unavailable(_("这一时刻的数据还在写入，请稍后再看。"), code="unsettled")
    name = layer["stream"]
    seq = (
        Receipt.objects.filter(stream=name, received_at__lte=asked.known.at)
        .order_by("-seq_to")
        .values_list("seq_to", flat=True)
        .first()
    )
    city: City = settings.CITY
    if not seq or name not in city.streams:
        return []
    from chengyun.lake.read import snapshot  # DuckDB and Arrow are large; most web processes draw no such map of the past

    stream = city.streams[name]
    key, at, field = f'"{stream.entity.key}"', f'"{stream.time}"', f'"{layer["field"]}"'
    text = (
        f"SELECT {key} AS key, max({at}) AS at, arg_max({field}, {at}) AS value, arg_max({field} IS NULL, {at}) AS unknown "  # noqa: S608
        f'FROM "{stream.key}" GROUP BY 1 ORDER BY 1'  # declared keys
    )
    keys = [thing["key"] for thing in things]
    since = asked.known.at - LOOKED_BACK
    with (
        heavy(asked.actor),
        snapshot([name], since=since, as_of={name: seq}, entities=keys, exact=False, registers=False) as lake,
    ):
        rows = lake.rows(text)
    return [(row["key"], row["at"], None if row["unknown"] else row["value"]) for row in rows]


def _corners(areas: Mapping[str, Mapping[str, Any]]) -> list[Point]:
    """Return the south-west and the north-east of all outlines together; nothing without any."""
    places = [place for one in areas.values() for ring in drawing.rings(one) for place in ring]
    if not places:
        return []
    lons, lats = zip(*places, strict=True)
    return [(min(lons), min(lats)), (max(lons), max(lats))]


def _outlines(areas: Mapping[str, Mapping[str, Any]], flat: drawing.Flat) -> dict[str, Outline]:
    found = {}
    for code, one in areas.items():
        if drawing.rings(one):
            x, y = flat.at(one["lon"], one["lat"]) if one["lon"] is not None else (0.0, 0.0)
            found[code] = (x, y, tuple(tuple(flat.at(lon, lat) for lon, lat in ring) for ring in drawing.rings(one)))
    return found


def _shape(area: Mapping[str, Any], tint: Mapping[str, Any] | None, outline: Outline, asked: Asked) -> Shape:
    name = area["name_en"] if asked.english else area["name"]
    shows = tint is not None and tint["status"] in ("fresh", "partial")
    band: Band | None = tint["band"] if tint and shows else None
    x, y, rings = outline
    why = reverse("why", args=[tint["figure"]]) if tint and tint["figure"] else ""
    text = f"{name} {tint['value']}" if tint and tint["figure"] else name
    return Shape(name, rings, x, y, band.colour if band else "", text, why)


def _dot(thing: Mapping[str, Any], value: Value | None, layer: Mapping[str, Any], flat: drawing.Flat) -> Dot:
    number, stands, colour, _at = value or (None, "missing", "", None)
    x, y = flat.at(thing["lon"], thing["lat"])
    said = shown.number(number, layer.get("decimals", 0)) if value is not None else shown.NOTHING
    return Dot(x, y, colour, stands, f"{thing['name']} {said}", reverse("entity", args=[layer["entity"], thing["key"]]))


def _bands(layer: Mapping[str, Any], tints: Mapping[str, Any], asked: Asked) -> tuple[Band, ...]:
    text = asked.words.find("indicator", layer["indicator"] or layer["areas"] or "")
    told = layer.get("bands") or (text["bands"] if text and (layer["indicator"] or tints) else [])
    return tuple(Band(asked.said(name), colour) for _upto, name, colour in told)


def colour_of(bands: Sequence[Any], value: float | None) -> str:
    """Return the colour of the class a value falls in; empty where there is none."""
    if value is None or not bands:
        return ""
    found: str = next((one for one in bands if one[0] is None or value <= one[0]), bands[-1])[2]
    return found
