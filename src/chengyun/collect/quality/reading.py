# SPDX-License-Identifier: Apache-2.0
"""A day of a stream as the checks want it: counted by DuckDB, one row a subject, however many observations there are."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from chengyun.city import City, Code, QualityRule, Stream, qualify
from chengyun.collect.quality.checks import MOST_KEPT, Found, Outcome, Subject
from chengyun.collect.registering import model_of
from chengyun.config import config
from chengyun.lake.read import Snapshot, snapshot
from chengyun.lake.rows import Flag
from chengyun.lake.tables import quote, stream_table
from chengyun.standards.times import day_bounds

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["current_rows", "read_day"]

GROUP = 2_000
"""Subjects held at a time."""


def read_day(name: str, day: dt.date, now: dt.datetime) -> tuple[Iterator[list[Subject]], list[Outcome]]:
    """Return the subjects of a stream's day, and what the pack's own rules say of it.

    Subjects come in groups that lie in the same areas: what is compared with neighbours is compared within its group.
    """
    city: City = settings.CITY
    stream = city.streams[name]
    since, until = day_bounds(day, config().zone)
    rules = {key: rule for key, rule in city.quality.items() if _on(key, rule) == name}
    # A pack's rule may compare a row with what is registered of its entity.
    with snapshot([name], since=since, until=until, registers=bool(rules), exact=False) as lake:
        counted = lake.arrow(_counts(name, stream))
        own = [_declared(lake, name, key, rule) for key, rule in rules.items()]
    return _subjects(city, name, stream, counted, min(until, now) - since), own


def current_rows(name: str, day: dt.date, subject: str) -> list[dict[str, Any]]:
    """Return a subject's current observations of a day as they were sent, oldest first."""
    city: City = settings.CITY
    table = stream_table(city, name)
    since, until = day_bounds(day, config().zone)
    with snapshot([name], since=since, until=until, entities=[subject], registers=False) as lake:
        columns = ", ".join(quote(one) for one in (table.entity, table.time, *table.quantities, *table.words))
        raw = f"{quote(table.pack)}.{quote(table.key + '_raw')}"
        return lake.rows(f"SELECT {columns} FROM {raw} WHERE until_seq IS NULL ORDER BY {quote(table.time)}")  # noqa: S608


def _counts(name: str, stream: Stream) -> str:
    """Return the question that counts a stream's rows by subject; every name in it is a declared key."""
    table = stream_table(settings.CITY, name)
    parts = ["count(*) AS rows", f"count(*) FILTER (quality & {int(Flag.LATE)} <> 0) AS late"]
    stuck = int(Flag.STUCK)
    for bit, one in enumerate(stream.quantities):
        column = quote(one.key)
        parts += [
            f'count({column}) AS "{one.key} values"',
            f'count({column}) FILTER (quality & {1 << (8 + bit)} <> 0) AS "{one.key} wrong"',
            f'count({column}) FILTER (quality & {stuck} <> 0 AND quality & {1 << (32 + bit)} <> 0) AS "{one.key} stuck"',
            f'median({column}) AS "{one.key} middle"',
        ]
    for word in stream.words:
        if isinstance(word, Code):
            codes = ", ".join(f"'{code.replace(chr(39), chr(39) * 2)}'" for code in word.codes)
            parts.append(f'count({quote(word.key)}) FILTER ({quote(word.key)} NOT IN ({codes})) AS "{word.key} strange"')
    raw = f"{quote(table.pack)}.{quote(table.key + '_raw')}"
    return f"SELECT {quote(table.entity)} AS entity, {', '.join(parts)} FROM {raw} WHERE until_seq IS NULL GROUP BY 1"  # noqa: S608


def _subjects(
    city: City, name: str, stream: Stream, counted: pa.Table, lasted: dt.timedelta
) -> Iterator[list[Subject]]:  # fmt: skip
    """Yield what has ever reported and is still registered, or reported on the day, area by area."""
    table = stream_table(city, name)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT entity_id FROM {table.latest}")  # noqa: S608  a declared name
        reporting = {row[0] for row in cursor.fetchall()}
    expected = max(0, int(lasted / stream.cadence)) if stream.cadence else None
    places = {key: number for number, key in enumerate(counted.column("entity").to_pylist())}
    model = model_of(city, qualify(name.split(".")[0], stream.entity.to))
    fields = ("pk", "key", "area_code", "lon", "lat", "simulated", "valid_to")
    known = model._default_manager.order_by("area_code", "key").values_list(*fields)
    group: list[tuple[Any, ...]] = []
    for row in known.iterator(chunk_size=GROUP):
        if row[1] in places or (row[0] in reporting and row[6] is None):
            group.append(row)
        if len(group) == GROUP:
            yield _group(stream, counted, places, group, expected)
            group = []
    if group:
        yield _group(stream, counted, places, group, expected)


def _group(
    stream: Stream, counted: pa.Table, places: dict[str, int], rows: list[tuple[Any, ...]], expected: int | None
) -> list[Subject]:  # fmt: skip
    heard = [row[1] for row in rows if row[1] in places]
    found = dict(zip(heard, counted.take([places[key] for key in heard]).to_pylist(), strict=True))
    return [_subject(stream, row, found.get(row[1], {}), expected) for row in rows]


def _subject(stream: Stream, row: tuple[Any, ...], found: dict[str, Any], expected: int | None) -> Subject:
    keys = [one.key for one in stream.quantities]
    return Subject(
        key=row[1], area_code=row[2], lon=row[3], lat=row[4], simulated=row[5], rows=found.get("rows", 0), expected=expected,
        late=found.get("late", 0),
        values={one: found.get(f"{one} values", 0) for one in keys},
        wrong={one: found.get(f"{one} wrong", 0) for one in keys},
        stuck={one: found.get(f"{one} stuck", 0) for one in keys},
        middle={one: _number(found.get(f"{one} middle")) for one in keys},
        strange={one.key: found.get(f"{one.key} strange", 0) for one in stream.words if isinstance(one, Code)},
    )  # fmt: skip


def _declared(lake: Snapshot, name: str, key: str, rule: QualityRule) -> Outcome:
    """Return what a rule of a pack says; a condition that cannot be run says so and is worth nothing."""
    table = stream_table(settings.CITY, name)
    view = f"{quote(table.pack)}.{quote(table.key)}"
    asked = (
        f"SELECT entity, count(holds) AS checked, count(*) FILTER (NOT holds) AS failed FROM "  # noqa: S608
        f"(SELECT {quote(table.entity)} AS entity, ({rule.holds}) AS holds FROM {view}) GROUP BY 1 ORDER BY failed DESC, 1"
    )
    import duckdb  # already loaded by the snapshot

    try:
        rows = lake.rows(asked)
    except duckdb.Error as wrong:
        return Outcome(key, rule.dimension, 0, 0, weight=rule.weight, error=str(wrong)[:500])
    worst = [row for row in rows[:MOST_KEPT] if row["failed"]]
    entity = qualify(table.pack, settings.CITY.streams[name].entity.to)
    keys = [row["entity"] for row in worst]
    areas = dict(model_of(settings.CITY, entity)._default_manager.filter(key__in=keys).values_list("key", "area_code"))
    found = tuple(
        Found(row["entity"], areas.get(row["entity"], ""), row["failed"], said={"checked": row["checked"]}) for row in worst
    )
    checked, failed = sum(row["checked"] for row in rows), sum(row["failed"] for row in rows)
    return Outcome(key, rule.dimension, checked, failed, found, rule.weight)


def _on(key: str, rule: QualityRule) -> str:
    return qualify(key.split(".")[0], rule.on)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
