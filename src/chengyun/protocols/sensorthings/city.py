# SPDX-License-Identifier: Apache-2.0
"""The city's own registers and streams in the language of SensorThings, read where they lie, as whoever asks may see them.

An entity of a register is a Thing with a Location and a FeatureOfInterest; an entity and a quantity of a stream are a
Datastream; a stream is a Sensor, its quantity an ObservedProperty. /Observations shows the newest of each, and a Datastream's
Observations go back to the first (history.py).

Ids are numbers up to 2⁵³, which every client can hold. Below 2³² (Observations: 2⁵²) they are what neighbours posted:

    register row          source · 2³² + row               Thing, Location, FeatureOfInterest
    stream                source · 2³⁷                     Sensor
    quantity              source · 2³⁷ + quantity · 2³² … of row 0: ObservedProperty, of a row: Datastream
    value of a row        2⁵² + source · 2⁴⁴ + quantity · 2³⁹ + seq
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chengyun.access import predicates
from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, scope
from chengyun.access.predicates import Sql
from chengyun.city import City, Stream
from chengyun.errors import Refused
from chengyun.lake.rows import invalid_bit
from chengyun.lake.tables import StreamTable, quote, register_table, stream_table
from chengyun.protocols.sensorthings.kinds import Kind
from chengyun.protocols.sensorthings.sql import Store, literal
from chengyun.standards.units import UNITS

__all__ = ["Shown", "is_citys", "missing", "observation_sql", "require_posted", "shown_of", "store_for", "table_of"]

POSTED = 2**32
OBSERVED = 2**52
GEOJSON = "'application/geo+json'"


@dataclass(frozen=True, slots=True)
class Shown:
    """A Datastream of the city's: an entity's quantity in a stream."""

    stream: str
    quantity: int
    row: int


def is_citys(kind: Kind, number: int) -> bool:
    """Say whether an id is of something of the city's own."""
    return number >= (OBSERVED if kind.name == "Observation" else POSTED)


def shown_of(number: int, numbers: Mapping[str, int]) -> Shown | None:
    """Return what a Datastream's id stands for; None when there is no such stream."""
    stream = next((key for key, source in numbers.items() if source == number >> 37), None)
    return Shown(stream, number >> 32 & 31, number & (POSTED - 1)) if stream else None


def require_posted(kind: Kind, number: int, numbers: Mapping[str, int]) -> None:
    """Raise Refused, naming the front door, for something of the city's own: it is only shown here."""
    if not is_citys(kind, number):
        return
    if kind.name == "Datastream" and (shown := shown_of(number, numbers)) is not None:
        raise Refused(
            f"Datastream {number} shows the city's own stream {shown.stream}. Send readings to POST /ingest/{shown.stream}.",
            code="read_only", status=403,
        )  # fmt: skip
    raise Refused(f"{kind.name} {number} is of the city's own registers and streams, which are only shown here.",
                  code="read_only", status=403)  # fmt: skip


def missing(number: int) -> str:
    """Return what whoever writes to a Datastream that is not among the posted ones is told."""
    if number >= POSTED:
        return f"Datastream {number} is of the city's own streams, which take readings at POST /ingest/<stream>."
    return f"There is no Datastream {number}."


def store_for(city: City, numbers: Mapping[str, int], actor: Actor, posted: bool) -> Store:
    """Return what an actor may read. posted: whether what neighbours posted is among it. Asks the policy: not on the loop."""
    arms: dict[str, list[str]] = {}
    params: dict[str, Any] = {}
    within: dict[str, Sql] = {}
    for entity in city.entities:
        if entity in numbers and (read := _reading(actor, entity, params)) is not None:
            _register(city, entity, numbers[entity], read, arms)
    for key, stream in city.streams.items():
        about = f"{key.split('.')[0]}.{stream.entity.to}"
        if key in numbers and about in numbers:
            own, of_entity = _reading(actor, key, params, "l.time"), _reading(actor, about, params)
            if own is not None and of_entity is not None:
                _stream(city, key, numbers, own, of_entity, arms)
                if own.within is not None:
                    within[key] = own.within
    return Store(posted, {name: " UNION ALL ".join(parts) for name, parts in arms.items()}, params, within)


@dataclass(frozen=True, slots=True)
class _Reading:
    """rows: the condition over a register's alias r. closed: fields that are not shown.

    at: of a stream, the condition with the row's time; where the right is for a period, `rows` leaves the time out, so that a
    Datastream is there whose newest value is not, and `within` says of the lake's rows which may be read; else None.
    """

    rows: str
    closed: frozenset[str]
    at: str
    within: Sql | None = None


def _reading(actor: Actor, dataset: str, params: dict[str, Any], time: str | None = None) -> _Reading | None:
    found: Scope = scope(actor, dataset)
    # Whoever reads about persons says for what, and there is no place for that in this language.
    if not found.allowed or found.personal:
        return None
    closed = found.hidden | frozenset(found.masks)
    at = _bound(predicates.as_sql(found.rows, "r.area_code", "postgres", time), params)
    ever = predicates.whenever(found.rows) if time else found.rows
    if ever == found.rows:
        return _Reading(at, closed, at)
    within = found.sql("register.area_code", time_column=f"o.{found.time}")
    return _Reading(_bound(predicates.as_sql(ever, "r.area_code", "postgres"), params), closed, at, within)


def _bound(found: Sql, params: dict[str, Any]) -> str:
    """Return a condition whose parameters, under names of their own, are among these."""
    text, prefix = found.text, f"s{len(params)}_"
    for name, value in found.params.items():
        text = text.replace(f"%({name})s", f"%({prefix}{name})s")
        params[prefix + name] = value
    return f"({text})"


def _register(city: City, entity: str, source: int, read: _Reading, arms: dict[str, list[str]]) -> None:
    told = city.entities[entity]
    table = register_table(city, entity)
    me = f"({source << 32}::bigint + r.id)"
    name = "r.key" if "name" in read.closed else "r.name"
    facts = [f"'dataset', {literal(entity)}::text", "'key', r.key"]
    facts += [f"'{field}', r.{field}" for field in ("area_code", "simulated", "source") if field not in read.closed]
    properties = f"jsonb_build_object({', '.join(facts)})"
    arms.setdefault("Thing", []).append(
        f"SELECT {me}, {name}, {literal(told.name)}, {properties} FROM {table} AS r WHERE {read.rows}"  # noqa: S608 - declared names
    )
    if read.closed & {"lon", "lat"}:
        return
    placed = f"FROM {table} AS r WHERE {read.rows} AND r.lon IS NOT NULL AND r.lat IS NOT NULL"
    place = "jsonb_build_object('type', 'Point', 'coordinates', jsonb_build_array(r.lon, r.lat))"
    bounds = "box(point(r.lon, r.lat), point(r.lon, r.lat))"
    for kind in ("Location", "FeatureOfInterest"):
        arms.setdefault(kind, []).append(
            f"SELECT {me}, {name}, {literal(told.name)}, {properties}, {GEOJSON}, {place}, {bounds} {placed}"
        )
    arms.setdefault("sensorthings_thinglocation", []).append(f"SELECT {me}, {me} {placed}")


def _stream(
    city: City, key: str, numbers: Mapping[str, int], own: _Reading, of_entity: _Reading, arms: dict[str, list[str]]
) -> None:
    stream, table = city.streams[key], stream_table(city, key)
    source, things = numbers[key], numbers[f"{key.split('.')[0]}.{stream.entity.to}"]
    rows = f"{own.rows} AND {of_entity.rows}"
    shown = [(position, it) for position, it in enumerate(stream.quantities) if it.key not in own.closed]
    if not shown:
        return
    heard = f"EXISTS (SELECT 1 FROM {table.latest})"  # noqa: S608 - declared names
    about = literal(msgspec.json.encode({"dataset": key}).decode())
    arms.setdefault("Sensor", []).append(
        f"SELECT {source << 37}::bigint, {literal(stream.name)}, {literal(stream.one_row_is)}, {about}::jsonb, 'text/plain',"
        f" to_jsonb({literal(stream.one_row_is)}::text) WHERE {heard}"
    )
    properties = ", ".join(
        f"({_quantity_id(source, position)}::bigint, {literal(it.name)}, {literal(f'urn:chengyun:{key}:{it.key}')},"
        f" {literal(f'{it.name} ({it.unit})')})"
        for position, it in shown
    )
    arms.setdefault("ObservedProperty", []).append(
        f"SELECT v.id, v.name, v.description, {about}::jsonb, v.definition"  # noqa: S608 - declared names
        f" FROM (VALUES {properties}) AS v (id, name, definition, description) WHERE {heard}"
    )
    joined = f"FROM {table.latest} AS l JOIN {table_of(city, key)} AS r ON r.id = l.entity_id"
    quantities = ", ".join(
        f"({position}::bigint, {literal(it.key)}, {literal(it.name)}, {literal(_unit(it.unit))}::jsonb)" for position, it in shown
    )
    newest = "l.time" if own.within is None else f"CASE WHEN {own.at} THEN l.time END"
    area = "NULL::box" if of_entity.closed & {"lon", "lat"} else "box(point(r.lon, r.lat), point(r.lon, r.lat))"
    name = "r.key" if "name" in of_entity.closed else "r.name"
    arms.setdefault("Datastream", []).append(
        f"SELECT {source << 37}::bigint + (v.quantity << 32) + r.id, {name} || ' · ' || v.name, {literal(stream.one_row_is)},"
        f" jsonb_build_object('dataset', {literal(key)}::text, 'quantity', v.key, 'newest', {newest}),"
        " v.unit, 'http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement', NULL::jsonb,"
        f" {things << 32}::bigint + r.id, {source << 37}::bigint, {source << 37}::bigint + (v.quantity << 32), false,"
        f" NULL::bigint, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, {area}"
        f" {joined} CROSS JOIN (VALUES {quantities}) AS v (quantity, key, name, unit) WHERE {rows}"
    )
    values = ", ".join(f"({position}::bigint, l.{quote(it.key)}, {invalid_bit(position)}::bigint)" for position, it in shown)
    columns = observation_sql(
        stream, source, things, "v.quantity", "l.seq", "r.id", "l.time", "v.number", "l.quality", "v.bit"
    )  # fmt: skip
    arms.setdefault("Observation", []).append(
        f"SELECT {columns} {joined} CROSS JOIN LATERAL (VALUES {values}) AS v (quantity, number, bit)"
        f" WHERE {own.at} AND {of_entity.rows} AND v.number IS NOT NULL"
    )


def observation_sql(
    stream: Stream, source: int, things: int, quantity: str, seq: str, row: str, time: str, number: str, quality: str, bit: str
) -> str:
    """Return the columns of an Observation of the city's. Its quality says whether the value counts, and its flags."""
    end = f"{time} + interval '{stream.interval.total_seconds():.0f} s'" if stream.interval else "NULL::timestamptz"
    return (
        f"{OBSERVED}::bigint + {source << 44}::bigint + ({quantity} << 39) + {seq},"
        f" {source << 37}::bigint + ({quantity} << 32) + {row}, {things << 32}::bigint + {row},"
        f" {time}, {end}, NULL::timestamptz, {number}, NULL::jsonb,"
        f" jsonb_build_object('valid', {quality} & {bit} = 0, 'flags', {quality} & 255),"
        f" NULL::timestamptz, NULL::timestamptz, NULL::jsonb, {row}"
    )


def table_of(city: City, stream: str) -> str:
    """Return the register a stream's entities are in."""
    table: StreamTable = stream_table(city, stream)
    return table.register


def _quantity_id(source: int, position: int) -> int:
    return (source << 37) + (position << 32)


def _unit(symbol: str) -> str:
    unit = UNITS[symbol]
    made = {"name": unit.name, "symbol": symbol, "definition": f"http://unitsofmeasure.org/{unit.ucum}"}
    return msgspec.json.encode(made).decode()
