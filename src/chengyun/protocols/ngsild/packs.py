# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 - statements are put together from our own constants and declared names; values are always bound.
"""The city's own registers as entities, read only: urn:ngsi-ld:Station:air_quality:<key>.

A row of a register is an entity of its model's name; its newest observations are properties, one instance for each stream
that measures them (datasetId urn:ngsi-ld:Dataset:<pack>.<stream>). Everything is read inside access.policy.scope: rows,
hidden fields and masks of the register and of every stream. Registers of persons are not shown here.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope
from chengyun.city import City
from chengyun.lake.tables import StreamTable, names, register_table, stream_tables
from chengyun.protocols.ngsild.documents import Entity, Instance, stamp
from chengyun.protocols.ngsild.evolution import Span, Tracked
from chengyun.protocols.ngsild.problems import absent
from chengyun.protocols.ngsild.selecting import Query, Where, fits
from chengyun.protocols.ngsild.selections import fits_types
from chengyun.protocols.ngsild.vocabulary import DEFAULT_VOCAB, PREFIX

if TYPE_CHECKING:
    from chengyun.protocols.ngsild.house import House

__all__ = ["PackEntities"]

MOST_ROWS = 100_000
"""Rows of one register looked at for a question that the database does not decide."""
_BASE = ("id", "key", "name", "area_code", "lon", "lat", "simulated")
_NAME = re.compile(r"urn:ngsi-ld:([A-Za-z][A-Za-z0-9]*):([a-z][a-z0-9_]*):(.+)")


@dataclass(frozen=True, slots=True)
class Register:
    """One register as entities. dataset: its qualified key. word: name of the type. extra: columns of the model's own.

    every: all columns of a row: whether a grant reaches it may depend on any of them.
    """

    dataset: str
    pack: str
    word: str
    table: str
    extra: tuple[str, ...]
    every: tuple[str, ...]
    streams: tuple[StreamTable, ...]

    @property
    def type(self) -> str:
        return DEFAULT_VOCAB + self.word

    def id_of(self, key: str) -> str:
        return f"urn:ngsi-ld:{self.word}:{self.pack}:{key}"


class PackEntities:
    """All registers that are not about persons. Django is started before this is made."""

    def __init__(self, city: City) -> None:
        tables = stream_tables(city)
        self._city = city
        self._registers = [
            Register(
                key, key.split(".")[0], entity.model, register_table(city, key), _own_columns(key.split(".")[0], entity.model),
                _columns(key.split(".")[0], entity.model),
                tuple(it for it in tables if f"{it.pack}.{it.entity_key}" == key),
            )
            for key, entity in city.entities.items()
            if not entity.personal
        ]  # fmt: skip

    def knows(self, name: str) -> bool:
        """Say whether an id is of the kind packs give: nobody else may take it."""
        return self._split(name) is not None

    def any_of(self, ids: Sequence[str]) -> bool:
        return any(self.knows(name) for name in ids)

    def concerns(self, query: Query) -> bool:
        """Say whether a query may be answered by a register."""
        if query.ids and not self.any_of(query.ids):
            return False
        if query.kinds and not any(
            kind.types is None or fits_types(kind.types, [register.type]) for kind in query.kinds for register in self._registers
        ):
            return False
        return any(query.types is None or fits_types(query.types, [register.type]) for register in self._registers)

    async def get(self, house: House, actor: Actor, ids: Sequence[str]) -> dict[str, Entity]:
        """Return entities by id, as far as the actor may read them."""
        wanted: dict[str, list[str]] = {}
        for name in ids:
            if found := self._split(name):
                wanted.setdefault(found[0].dataset, []).append(found[1])
        entities: dict[str, Entity] = {}
        for register in self._registers:
            if keys := wanted.get(register.dataset):
                entities |= {one.id: one for one in await self._rows(house, actor, register, keys=keys)}
        return entities

    async def find(self, house: House, actor: Actor, query: Query, offset: int, limit: int) -> tuple[list[Entity], int]:
        """Return a page of the entities a query asks for, registers one after the other, and how many there are."""
        found: list[Entity] = []
        total = 0
        plain = replace(query, types=None, order=(), limit=20, offset=0, count=False) == Query()
        for register in self._registers:
            if query.types is not None and not fits_types(query.types, [register.type]):
                continue
            start = max(0, offset - total)
            room = max(0, limit - len(found))
            if plain:
                count = await self._count(house, actor, register)
                if room and start < count:
                    found += await self._rows(house, actor, register, offset=start, limit=room)
                total += count
            else:
                keys = [split[1] for one in query.ids if (split := self._split(one)) and split[0] is register]
                rows = await self._rows(house, actor, register, keys=keys if query.ids else None, limit=MOST_ROWS)
                matching = [one for one in rows if fits(query, one)]
                found += matching[start : start + room]
                total += len(matching)
        return found, total

    async def add_types(
        self, house: House, actor: Actor, counts: dict[str, int], kinds: dict[str, dict[str, set[str]]], having: dict[str, int]
    ) -> None:
        """Add what types and attributes the registers have for an actor."""
        for register in self._registers:
            number = await self._count(house, actor, register)
            if not number:
                continue
            counts[register.type] = counts.get(register.type, 0) + number
            seen = (await house.scope_of(actor, register.dataset)).layers
            columns = [it for it in ("name", "area_code", *register.extra) if any(layer.shows(it) for layer in seen)]
            own = [DEFAULT_VOCAB + ("areaCode" if it == "area_code" else it) for it in columns]
            scopes = [await house.scope_of(actor, stream.qualified) for stream in register.streams]
            measured = [
                DEFAULT_VOCAB + name
                for stream, scope in zip(register.streams, scopes, strict=True)
                if scope.allowed
                for name in stream.quantities
                if any(layer.shows(name) for layer in scope.layers)
            ]
            for name in dict.fromkeys([*own, *measured]):
                kinds[register.type][name].add("Property")
                having[name] = having.get(name, 0) + number
            if any(layer.shows("lon") and layer.shows("lat") for layer in seen):
                kinds[register.type][f"{PREFIX}location"].add("GeoProperty")
                having[f"{PREFIX}location"] = having.get(f"{PREFIX}location", 0) + number

    async def evolution(self, house: House, actor: Actor, name: str, span: Span, most: int) -> tuple[Entity, list[Tracked]]:
        """Return an entity and its observations over time, newest first cut at `most`. Raises ResourceNotFound."""
        split = self._split(name)
        entity = (await self.get(house, actor, [name])).get(name) if split else None
        if entity is None or split is None:
            raise absent(f"There is no entity {name}.")
        register, key = split
        tracked: list[Tracked] = []
        for stream in register.streams:
            scope = await house.scope_of(actor, stream.qualified)
            if scope.allowed and scope.matches({"area_code": entity.area_code}):
                shown = [it for it in stream.quantities if scope.may_filter(it)]
                tracked += await asyncio.to_thread(_read_history, stream, key, shown, span, most)
        return replace(entity, attributes={}), tracked

    def _split(self, name: str) -> tuple[Register, str] | None:
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        register = next((it for it in self._registers if it.word == found[1] and it.pack == found[2]), None)
        return None if register is None else (register, found[3])

    async def _count(self, house: House, actor: Actor, register: Register) -> int:
        where = await _readable(house, actor, register.dataset)
        if where is None:
            return 0
        async with house.reading() as conn:
            row: Any = await (
                await conn.execute(f"SELECT count(*) FROM {register.table} AS r WHERE {where.text}", where.params)
            ).fetchone()
        return int(row[0])

    async def _rows(
        self, house: House, actor: Actor, register: Register, *, keys: Sequence[str] | None = None, offset: int = 0,
        limit: int = MOST_ROWS,
    ) -> list[Entity]:  # fmt: skip
        where = await _readable(house, actor, register.dataset)
        if where is None:
            return []
        scope = await house.scope_of(actor, register.dataset)
        if keys is not None:
            where.add("r.key = ANY(%s)", list(keys))
        columns = register.every
        text = f"SELECT {names(columns)} FROM {register.table} AS r WHERE {where.text} ORDER BY id LIMIT %(l)s OFFSET %(o)s"
        async with house.reading() as conn:
            rows: Any = await (await conn.execute(text, {**where.params, "l": limit, "o": offset})).fetchall()
            entities: dict[int, Entity] = {}
            areas: dict[int, str] = {}
            for row in rows:
                raw = dict(zip(columns, row, strict=True))
                entities[raw["id"]] = _entity(register, raw, scope.mask(raw))
                areas[raw["id"]] = raw["area_code"]
            for stream in register.streams:
                own = await house.scope_of(actor, stream.qualified)
                if own.allowed and entities:
                    await _add_newest(conn, stream, own, entities, areas)
        return list(entities.values())


async def _readable(house: House, actor: Actor, dataset: str) -> Where | None:
    """Return the rows of a register an actor may read; None when there are none, or when reading them needs a purpose."""
    scope = await house.scope_of(actor, dataset)
    if not scope.allowed or scope.personal:
        return None
    found = scope.sql("r.area_code", "postgres")
    return Where([f"({found.text})"], dict(found.params))


def _entity(register: Register, raw: Mapping[str, Any], shown: Mapping[str, Any]) -> Entity:
    entity = Entity(register.id_of(raw["key"]), [register.type], area_code=raw["area_code"])
    for column in ("name", "area_code", *register.extra):
        value = shown.get(column)
        if value not in (None, ""):
            name = "areaCode" if column == "area_code" else column
            entity.attributes[DEFAULT_VOCAB + name] = [{"type": "Property", "value": _plain(value)}]
    lon, lat = shown.get("lon"), shown.get("lat")
    if lon is not None and lat is not None:
        place = {"type": "Point", "coordinates": [lon, lat]}
        entity.attributes[f"{PREFIX}location"] = [{"type": "GeoProperty", "value": place}]
    if shown.get("simulated"):
        entity.attributes[f"{DEFAULT_VOCAB}simulated"] = [{"type": "Property", "value": True}]
    return entity


async def _add_newest(
    conn: Any, stream: StreamTable, scope: Scope, entities: Mapping[int, Entity], areas: Mapping[int, str]
) -> None:
    """Add the newest observation of a stream to its entities; a value out of range is no value."""
    columns = ("entity_id", "time", "quality", *stream.quantities)
    text = f"SELECT {names(columns)} FROM {stream.latest} WHERE entity_id = ANY(%s)"
    several = f"urn:ngsi-ld:Dataset:{stream.qualified}"
    for row in await (await conn.execute(text, [list(entities)])).fetchall():
        area = areas[row[0]]
        about = {"area_code": area, stream.time: row[1]}
        if not scope.matches(about, time_field=stream.time):
            continue
        values = dict(zip(stream.quantities, row[3:], strict=True))
        shown = scope.mask({**values, **about}, time_field=stream.time)
        invalid = row[2] >> 8
        for at, name in enumerate(stream.quantities):
            if shown.get(name) is not None and not invalid >> at & 1:
                instance: Instance = {"type": "Property", "value": shown[name], "observedAt": stamp(row[1]), "datasetId": several}
                entities[row[0]].attributes.setdefault(DEFAULT_VOCAB + name, []).append(instance)


def _read_history(stream: StreamTable, key: str, shown: Sequence[str], span: Span, most: int) -> list[Tracked]:
    """Return a stream's rows of one entity, hot and sealed as one table; runs in a thread."""
    from chengyun.lake.read import snapshot  # DuckDB: only when history is asked for
    from chengyun.lake.tables import quote

    if not shown:
        return []
    order = "DESC" if span.last else "ASC"
    limit = min(span.last or most, most)
    text = (
        f"SELECT {quote(stream.time)} AS at, {names(shown)} FROM {quote(stream.key)}"
        f" WHERE {quote(stream.entity)} = $key ORDER BY 1 {order} LIMIT {limit}"
    )
    since = span.after + dt.timedelta(microseconds=1) if span.after else None
    with snapshot([stream.qualified], since=since, until=span.before, entities=[key], exact=False) as seen:
        rows = seen.rows(text, {"key": key})
    dataset = f"urn:ngsi-ld:Dataset:{stream.qualified}"
    return [
        Tracked(
            DEFAULT_VOCAB + name,
            {"type": "Property", "value": row[name], "observedAt": stamp(row["at"]), "datasetId": dataset},
            row["at"],
        )
        for row in rows
        for name in shown
        if row[name] is not None
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _columns(pack: str, model: str) -> tuple[str, ...]:
    from django.apps import apps

    return tuple(str(it.column) for it in apps.get_model(pack, model)._meta.concrete_fields)


def _own_columns(pack: str, model: str) -> tuple[str, ...]:
    """Return the columns a register's model adds, as far as they are plain values."""
    from django.apps import apps
    from django.db import models as fields

    plain = (fields.CharField, fields.TextField, fields.IntegerField, fields.FloatField, fields.BooleanField, fields.DateField)
    kept = {*_BASE, "valid_from", "valid_to", "source"}
    found = apps.get_model(pack, model)._meta.concrete_fields
    return tuple(str(it.column) for it in found if isinstance(it, plain) and it.column not in kept)
