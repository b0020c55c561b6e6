# SPDX-License-Identifier: Apache-2.0
"""Rows of registers, and observations: newest of each thing, or a stretch of time."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.policy import Scope, require_by_key, require_scope
from chengyun.city import City, Stream, qualify, sql_name
from chengyun.config import config
from chengyun.errors import NotFound, Refused, nearest
from chengyun.lake.rows import Flag
from chengyun.web.api.asked import cursor_of, read_cursor
from chengyun.web.heavy import heavy
from chengyun.web.panels import register

LONGEST_OF_ALL = dt.timedelta(days=31)
LONGEST_OF_ONE = dt.timedelta(days=3660)
STEPS = {"hour": "hour", "day": "day", "month": "month"}
"""Down-sampling: to hours, local days or local months; the mean of valid values and how many observations there were."""


def entity_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return rows of a register by key, masked as the actor may see them."""
    allowed, rows = _register(actor, asked)
    if asked["area"]:
        rows = rows.filter(area_code__startswith=asked["area"])
    if after := read_cursor(asked["cursor"], str):
        rows = rows.filter(key__gt=after[0])
    found = list(rows.order_by("key")[: asked["limit"] + 1])
    page = found[: asked["limit"]]
    allowed.count(len(page), reads=0)
    allowed.record_rows([row.key for row in page], _names(rows.model), "list")
    return {
        "entities": [_entity(allowed, row) for row in page],
        "next": cursor_of([page[-1].key]) if len(found) > len(page) else None,
    }  # fmt: skip


def entity(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return one row of a register."""
    allowed, rows = _register(actor, asked)
    row = rows.filter(key=asked["key"]).first()
    # Who looks for a person that is not there has looked for a person.
    allowed.record_rows([row.key] if row else [], _names(rows.model), asked["key"])
    if row is None:
        raise NotFound(f"There is no {asked['dataset']} {asked['key']!r}.")
    allowed.count(1, reads=0)
    return _entity(allowed, row)


def latest(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the newest observation of each thing, by its key."""
    name, stream, allowed = _stream(actor, asked)
    keys = [field.key for field in (*stream.quantities, *stream.words)]
    model = register(qualify(name.split(".")[0], stream.entity.to))
    within = allowed.sql("register.area_code", "postgres", "newest.time")
    after = read_cursor(asked["cursor"], str)
    query = sql.SQL(
        "SELECT register.key, newest.time, newest.quality, newest.seq, register.area_code, {columns} FROM {newest} AS newest"
        " JOIN {register} AS register ON register.id = newest.entity_id WHERE ({within}) AND register.key > %(after)s"
        " AND register.area_code LIKE %(area)s AND (%(entity)s::text IS NULL OR register.key = %(entity)s)"
        " ORDER BY register.key LIMIT %(count)s"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("newest", key) for key in keys),
        newest=sql.Identifier("lake", f"latest_{sql_name(name)}"),
        register=sql.Identifier(model._meta.db_table),
        within=sql.SQL(within.text),
    )
    area = (asked["area"] or "").replace("\\", "").replace("%", "").replace("_", "")
    given = {**within.params, "after": after[0] if after else "", "area": f"{area}%", "count": asked["limit"] + 1}
    with connection.cursor() as cursor:
        cursor.execute(query, {**given, "entity": asked["entity"]})
        found = cursor.fetchall()
    page = found[: asked["limit"]]
    allowed.count(len(page), reads=0)
    observations = []
    for key, time, quality, seq, area_code, *values in page:
        row = {"time": time, "quality": quality, "seq": seq, "area_code": area_code, **dict(zip(keys, values, strict=True))}
        for place, quantity in enumerate(stream.quantities):
            if quality >> (8 + place) & 1:
                row[quantity.key] = None
        observations.append(_observation(stream, allowed, key, row, keys))
    return {
        "dataset": name, "observations": observations, "next": cursor_of([page[-1][0]]) if len(found) > len(page) else None
    }  # fmt: skip


def observations(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return observations of a stretch of time, oldest first; as they are held true now."""
    name, stream, allowed = _stream(actor, asked)
    until = asked["until"] or timezone.now()
    since = asked["since"] or until - dt.timedelta(days=1)
    longest = LONGEST_OF_ONE if asked["entity"] else LONGEST_OF_ALL
    if not since < until or until - since > longest:
        said = f"since must be before until, by at most {longest.days} days{'' if asked['entity'] else ' without `entity`'}."
        raise Refused(said, code="parameter", parameter="since")
    after = read_cursor(asked["cursor"], dt.datetime, str)
    fields = _chosen(stream, asked["fields"], allowed, summed=bool(asked["every"]))
    from chengyun.lake.read import snapshot  # DuckDB and Arrow are large; most web processes serve no raw data for a while

    entities = [asked["entity"]] if asked["entity"] else None
    start = max(since, after[0]) if after else since
    if not start < until:
        return {"dataset": name, "observations": [], "next": None}
    with heavy(actor), snapshot([name], since=start, until=until, entities=entities, exact=False) as lake:
        found = lake.rows(*_query(name, stream, allowed, fields, asked["every"], after, asked["limit"]))
    page = found[: asked["limit"]]
    last = page[-1] if len(found) > len(page) else None
    allowed.count(len(page), reads=0)
    return {
        "dataset": name,
        "observations": [_observation(stream, allowed, row.pop("entity"), row, fields) for row in (dict(one) for one in page)],
        "next": cursor_of([last["time"].isoformat(), last["entity"]]) if last else None,
    }


def _query(
    name: str, stream: Stream, allowed: Scope, fields: list[str], every: str | None, after: list[Any] | None, limit: int
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """Return the SQL and its parameters. Names stand in quotes and come from declarations."""
    pack = name.split(".")[0]
    within = allowed.sql("register.area_code", time_column=f"o.{stream.time}")
    given: dict[str, Any] = {**within.params, "count": limit + 1}
    key, moment = f'o."{stream.entity.key}"', f'o."{stream.time}"'
    words = {word.key for word in stream.words}
    if every:
        given["zone"] = config().time_zone
        moment = f"date_trunc('{STEPS[every]}', {moment} AT TIME ZONE $zone) AT TIME ZONE $zone"
        columns = [f'avg(o."{one}") AS "{one}"' for one in fields if one not in words]
        extra, group = "count(*) AS count", "GROUP BY ALL"
    else:
        columns = [f'o."{one}"' for one in fields]
        extra, group = "o.quality, o.seq", ""
    chosen = ", ".join([f"{key} AS entity", f"{moment} AS time", "register.area_code", *columns, extra])
    keyset = ""
    if after:
        given |= {"after_time": after[0], "after_entity": after[1]}
        keyset = "WHERE (time, entity) > ($after_time::TIMESTAMPTZ, $after_entity)"
    text = (
        f'WITH found AS (SELECT {chosen} FROM "{pack}"."{stream.key}" AS o LEFT JOIN "{pack}"."{stream.entity.to}" AS register'  # noqa: S608
        f" ON register.key = {key} WHERE {within.text} {group}) SELECT * FROM found {keyset} ORDER BY time, entity LIMIT $count"
    )
    return text, given


def _observation(stream: Stream, allowed: Scope, key: str, row: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """Return one observation as it goes out; a field that is masked or hidden for this very row is so here.

    A sum over many rows was made of fields that every reason shows: it is no row of its own.
    """
    shown = row if "count" in row else allowed.mask(row, time_field="time")
    told: dict[str, Any] = {"entity": key, "time": row["time"]}
    for one in fields:
        if one in shown:
            value = shown[one]
            told[one] = None if isinstance(value, float) and not math.isfinite(value) else value
    if "quality" in row:
        quality = int(row["quality"])
        told["seq"] = row["seq"]
        if not allowed.hidden and not allowed.masks:  # a flag may speak of a field that is left out
            told["flags"] = [str(flag.name).lower() for flag in Flag if quality & flag]
    else:
        told["count"] = row["count"]
    return told


def _stream(actor: Actor, asked: dict[str, Any]) -> tuple[str, Stream, Scope]:
    city: City = settings.CITY
    name = asked["dataset"]
    if name not in city.streams:
        raise NotFound(f"There is no stream {name!r}.{nearest(name, city.streams)}")
    allowed = require_scope(actor, name, asked["purpose"])
    allowed.count()
    if allowed.personal:
        allowed.record_read(asked["entity"] or "")
    return name, city.streams[name], allowed


def _chosen(stream: Stream, text: str | None, allowed: Scope, *, summed: bool = False) -> list[str]:
    every = [field.key for field in (*stream.quantities, *stream.words)]
    known = [one for one in every if (allowed.may_filter(one) if summed else one not in allowed.hidden)]
    wanted = [one for one in (text or "").split(",") if one]
    for one in wanted:
        if one not in known:
            raise Refused(f"fields names {one!r}.{nearest(one, known)} There are {', '.join(known)}.", code="parameter")
    return list(dict.fromkeys(wanted)) or known


def _register(actor: Actor, asked: dict[str, Any]) -> tuple[Scope, Any]:
    city: City = settings.CITY
    name = asked["dataset"]
    if name not in city.entities:
        raise NotFound(f"There is no register {name!r}.{nearest(name, city.entities)}")
    allowed = require_by_key(actor, name, asked["purpose"])
    return allowed, allowed.rows_for(register(name)._default_manager.all(), record=False)


def _entity(allowed: Scope, row: Any) -> dict[str, Any]:
    return {**allowed.mask({name: getattr(row, name) for name in _names(type(row))}), "key": row.key}


def _names(model: Any) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if field.name != "id"]
