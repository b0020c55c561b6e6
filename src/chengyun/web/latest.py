# SPDX-License-Identifier: Apache-2.0
"""The newest observation of one entity in every stream about it: each value with its unit, its range and its flags in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import City, Quantity, Stream, qualify, sql_name
from chengyun.lake.rows import Flag
from chengyun.web import shown
from chengyun.web.freshness import silent_after
from chengyun.web.quality.words import Cell, quality_of
from chengyun.web.tiles import Status


@dataclass(frozen=True, slots=True)
class Value:
    """One field. text: the value as shown. low, high: what can be real. said: why it is invalid or suspect, or empty."""

    name: str
    text: str
    unit: str
    low: str
    high: str
    invalid: bool
    said: str


@dataclass(frozen=True, slots=True)
class Latest:
    """One stream. time: when its newest observation ended. spell: what that speaks of, in words. flags: of the whole of it.

    dataset: its qualified key. quality: its score on the newest judged day; None: not judged, or not this reader's to know.
    """

    name: str
    time: dt.datetime | None
    spell: str
    status: Status
    simulated: bool
    values: tuple[Value, ...]
    flags: tuple[str, ...]
    source: str
    dataset: str = ""
    quality: Cell | None = None


def flag_words() -> dict[Flag, str]:
    """Return what each flag means, in words."""
    return {
        Flag.RANGE: _("有值超出可能的范围，不参与计算"),
        Flag.SPIKE: _("有值与前一时刻相差异常，存疑"),
        Flag.STUCK: _("有值长时间不变，存疑"),
        Flag.GAP: _("此前有缺失的时刻"),
        Flag.LATE: _("迟到"),
        Flag.DUPLICATE: _("重复上报"),
        Flag.CORRECTION: _("更正过"),
        Flag.SIMULATED: _("模拟"),
        Flag.DISTRUSTED: _("设备在隔离中，不参与计算"),
        Flag.UNCALIBRATED: _("设备没有有效的校准，存疑"),
    }


def latest_of(entity: str, entity_id: int, area_code: str, actor: Actor, now: dt.datetime) -> tuple[Latest, ...]:
    """Return the newest observation in each stream about an entity that the actor may read."""
    city: City = settings.CITY
    found = []
    for name, stream in city.streams.items():
        allowed = scope(actor, name)
        if qualify(name.split(".")[0], stream.entity.to) == entity and allowed.matches({"area_code": area_code}):
            newest = _latest(name, stream, entity_id, now, allowed.hidden)
            found.append(dataclasses.replace(newest, dataset=name, quality=quality_of(actor, name)))
    return tuple(found)


def _latest(name: str, stream: Stream, entity_id: int, now: dt.datetime, hidden: frozenset[str]) -> Latest:
    keys = [quantity.key for quantity in stream.quantities] + [word.key for word in stream.words]
    query = sql.SQL("SELECT time, quality, {} FROM {} WHERE entity_id = %s").format(
        sql.SQL(", ").join(map(sql.Identifier, keys)), sql.Identifier("lake", f"latest_{sql_name(name)}")
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [entity_id])
        row = cursor.fetchone()
    source = f"{_(settings.CITY.packs[name.split('.')[0]].pack.owner)} · {_(stream.name)}"
    if row is None:
        return Latest(stream.name, None, shown.NOTHING, "missing", False, (), (), source)
    time, quality, *values = row
    limit = silent_after(stream)
    status: Status = "stale" if limit is not None and now - time > limit else "fresh"
    fields = [
        _value(quantity, value, quality, number)
        for number, (quantity, value) in enumerate(zip(stream.quantities, values, strict=False))
        if quantity.key not in hidden
    ]
    for word, value in zip(stream.words, values[len(stream.quantities) :], strict=True):
        if word.key not in hidden:
            codes = getattr(word, "codes", {})
            fields.append(Value(word.name, _(codes[value]) if value in codes else value or shown.NOTHING, "", "", "", False, ""))
    flags = tuple(text for flag, text in flag_words().items() if quality & flag and flag is not Flag.SIMULATED)
    return Latest(
        stream.name, stream.end_of(time), shown.spell(time, stream.interval), status, bool(quality & Flag.SIMULATED),
        tuple(fields), flags, source,
    )  # fmt: skip


def _value(quantity: Quantity, value: float | None, quality: int, number: int) -> Value:
    invalid = bool(quality >> (8 + number) & 1)
    suspect = bool(quality >> (32 + number) & 1)
    unknown = value is None or math.isnan(value)
    said = (
        _("超出可能的范围，不参与计算")
        if invalid and not quality & Flag.DISTRUSTED
        else _("不参与计算")
        if invalid
        else _("存疑，参与计算并注明")
        if suspect
        else ""
    )
    return Value(
        quantity.name,
        shown.NOTHING if unknown else shown.number(value, quantity.decimals),
        quantity.unit,
        f"{quantity.valid[0]:g}",
        f"{quantity.valid[1]:g}",
        invalid,
        said,
    )
