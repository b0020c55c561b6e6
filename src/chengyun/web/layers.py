# SPDX-License-Identifier: Apache-2.0
"""Entities on the map, each with the newest value of an indicator or of a stream's field, its class, time and source."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.urls import reverse
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.city import Band, City, MapLayer, Quantity, Scale, Stream, qualify, sql_name
from chengyun.operate.queries import FigureView, newest_figures
from chengyun.web import shown
from chengyun.web.figures import known_at, period_text, scale_of
from chengyun.web.places import area_names
from chengyun.web.tiles import Status


@dataclass(frozen=True, slots=True)
class Point:
    """One entity. value: None when not known. time: when what the value speaks of ended; None without a value."""

    key: str
    name: str
    area_code: str
    area_name: str
    lon: float
    lat: float
    value: float | None
    band: Band | None
    status: Status
    time: dt.datetime | None
    time_text: str
    simulated: bool
    figure_id: int | None
    href: str


@dataclass(frozen=True, slots=True)
class AreaValue:
    """A district with the value that tints it. share: of the highest value among them, 0 to 1, for a bar."""

    code: str
    name: str
    figure: FigureView
    period_text: str
    share: float


@dataclass(frozen=True)
class Ranking:
    """Districts by one indicator, highest value first, those without one last. name: the indicator's."""

    id: str
    name: str
    areas: tuple[AreaValue, ...]


@dataclass(frozen=True)
class Layer:
    """A declared layer with its points. id: `<pack>.<page>.<number>`. newest: the newest time among the points.

    dataset, field: the indicator, or the stream and its quantity, that the values are of; "": there are none.
    areas: districts tinted beneath, highest value first, those without one last; areas_name: of which indicator, or "".
    """

    id: str
    name: str
    value_name: str
    unit: str
    decimals: int
    scale: Scale | None
    source: str
    points: tuple[Point, ...]
    areas: tuple[AreaValue, ...]
    areas_name: str
    dataset: str
    field: str | None
    newest: dt.datetime | None


def declared_layers() -> dict[str, tuple[str, MapLayer]]:
    """Return every declared layer: id → (pack, layer), in declared order."""
    city: City = settings.CITY
    return {
        f"{name}.{number}": (name.split(".")[0], panel)
        for name, page in city.pages.items()
        for number, panel in enumerate(page.panels)
        if isinstance(panel, MapLayer)
    }


Registers = dict[str, list[dict[str, Any]]]
"""Rows of registers already read, by entity: layers of one page share them."""


def layer(layer_id: str, actor: Actor, now: dt.datetime, read: Registers | None = None) -> Layer | None:
    """Return a layer as an actor may see it; None when there is no such layer, or its register or its values are closed."""
    if layer_id not in declared_layers():
        return None
    pack, panel = declared_layers()[layer_id]
    city: City = settings.CITY
    entity_name = qualify(pack, panel.entity)
    allowed = scope(actor, entity_name)
    valued = panel.indicator or panel.stream
    if not allowed.allowed or (valued and not scope(actor, qualify(pack, valued)).allowed):
        return None
    model = apps.get_model(city.packs[entity_name.split(".")[0]].module.rsplit(".", 1)[1], city.entities[entity_name].model)
    registers: Registers = {} if read is None else read
    if entity_name not in registers:
        found_rows = (
            allowed.rows_for(model._default_manager.exclude(lon=None).exclude(lat=None))
            .filter(Q(valid_to=None) | Q(valid_to__gt=shown.today(now)))
            .order_by("key")
            .values()
        )
        registers[entity_name] = [placed for row in found_rows if (placed := _as_seen(allowed, row)) is not None]
    rows = registers[entity_name]
    tinting = qualify(pack, panel.areas) if panel.areas else ""
    tinting = tinting if tinting and scope(actor, tinting).allowed else ""
    indicators = [*([qualify(pack, panel.indicator)] if panel.indicator else []), *([tinting] if tinting else [])]
    subjects = [row["key"] for row in rows] if panel.indicator else []
    found = (
        newest_figures(indicators, [*subjects, *(area_names("district") if tinting else ())], actor, now) if indicators else {}
    )
    values = _values(pack, panel, rows, found, actor, now)
    scale = city.scales.get(qualify(pack, panel.scale)) if panel.scale else values.scale
    names = area_names("district")
    points = tuple(_point(row, values.by_key.get(row["key"]), scale, entity_name, names) for row in rows)
    times = [point.time for point in points if point.time]
    areas = _areas([found[tinting, code] for code in names], names) if tinting else ()
    return Layer(
        layer_id, panel.name, values.name, values.unit, values.decimals, scale, values.source, points, areas,
        city.indicators[tinting].name if tinting else "",
        qualify(pack, valued) if valued else "", panel.field if panel.stream else None, max(times, default=None),
    )  # fmt: skip


def ranking_of(drawn: Layer) -> Ranking:
    """Return the districts beneath a layer."""
    return Ranking(drawn.id, drawn.areas_name, drawn.areas)


def ranking_by_district(ranking_id: str, indicator: str, actor: Actor, now: dt.datetime) -> Ranking:
    """Return every district with its newest figure of an indicator that the actor may read."""
    names = area_names("district")
    found = newest_figures([indicator], list(names), actor, now)
    return Ranking(
        ranking_id, settings.CITY.indicators[indicator].name, _areas([found[indicator, code] for code in names], names)
    )


def _as_seen(allowed: Scope, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a point needs of a row, as the reader may see it; None without a place that may be shown."""
    visible = allowed.mask(row)
    lon, lat = visible.get("lon"), visible.get("lat")
    if not isinstance(lon, float) or not isinstance(lat, float):
        return None
    told = {"id": row["id"], "key": row["key"], "area_code": row["area_code"], "lon": lon, "lat": lat}
    return told | {"name": visible.get("name", row["key"]), "simulated": visible.get("simulated", row["simulated"])}


def _areas(figures: list[FigureView], names: Mapping[str, str]) -> tuple[AreaValue, ...]:
    highest = max((figure.value for figure in figures if figure.value is not None), default=0.0)
    return tuple(
        AreaValue(
            figure.subject, names[figure.subject], figure, period_text(figure),
            figure.value / highest if figure.value is not None and highest > 0 else 0.0,
        )
        for figure in sorted(figures, key=lambda one: (one.value is None, -(one.value or 0.0), one.subject))
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Value:
    value: float | None
    status: Status
    time: dt.datetime | None
    time_text: str
    simulated: bool
    figure_id: int | None


@dataclass(frozen=True)
class _Values:
    name: str
    unit: str
    decimals: int
    source: str
    scale: Scale | None
    by_key: Mapping[str, _Value]


Figures = Mapping[tuple[str, str], FigureView]


def _values(pack: str, panel: MapLayer, rows: list[dict[str, Any]], found: Figures, actor: Actor, now: dt.datetime) -> _Values:
    city: City = settings.CITY
    if panel.indicator:
        name = qualify(pack, panel.indicator)
        indicator = city.indicators[name]
        by_key = {row["key"]: _of_figure(found[name, row["key"]]) for row in rows}
        return _Values(indicator.name, indicator.unit, indicator.decimals, indicator.source, scale_of(name), by_key)
    if panel.stream and panel.field:
        name = qualify(pack, panel.stream)
        stream: Stream = city.streams[name]
        quantity = next(quantity for quantity in stream.quantities if quantity.key == panel.field)
        seen = scope(actor, name)
        keys = {row["id"]: row["key"] for row in rows if seen.matches(row)}
        by_key = _of_stream(name, stream, quantity, keys, now)
        return _Values(quantity.name, quantity.unit, quantity.decimals, stream.name, None, by_key)
    return _Values("", "1", 0, city.packs[pack].pack.owner, None, {})


def _of_figure(figure: FigureView) -> _Value:
    return _Value(figure.value, figure.status, known_at(figure), period_text(figure), figure.simulated, figure.id)


def _of_stream(name: str, stream: Stream, quantity: Quantity, keys: Mapping[int, str], now: dt.datetime) -> dict[str, _Value]:
    """Return the newest observation's field for each entity: one read of the table the ingest keeps."""
    number = stream.quantities.index(quantity)
    query = sql.SQL("SELECT entity_id, time, {}, quality FROM {}").format(
        sql.Identifier(quantity.key), sql.Identifier("lake", f"latest_{sql_name(name)}")
    )
    limit = stream.silent_after or (stream.cadence * 3 if stream.cadence else None)
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(query)
        for entity, time, value, quality in cursor.fetchall():
            if entity not in keys:
                continue
            wrong = value is None or math.isnan(value) or bool(quality >> (8 + number) & 1)
            late = limit is not None and now - time > limit
            status: Status = "missing" if wrong else "stale" if late else "fresh"
            said = shown.spell(time, stream.interval)
            known = None if wrong else value
            found[keys[entity]] = _Value(known, status, stream.end_of(time), said, bool(quality & 128), None)
    return found


def _point(row: dict[str, Any], value: _Value | None, scale: Scale | None, entity_name: str, names: Mapping[str, str]) -> Point:
    known = value or _Value(None, "missing", None, shown.NOTHING, False, None)
    code = row["area_code"]
    return Point(
        key=row["key"],
        name=row["name"],
        area_code=code,
        area_name=names.get(code[:6], shown.NOTHING),
        lon=row["lon"],
        lat=row["lat"],
        value=known.value,
        band=scale.band(known.value) if scale else None,
        status=known.status,
        time=known.time,
        time_text=known.time_text,
        simulated=row["simulated"] or known.simulated,
        figure_id=known.figure_id,
        href=reverse("entity", args=[entity_name, row["key"]]),
    )
