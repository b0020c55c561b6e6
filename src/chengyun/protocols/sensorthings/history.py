# SPDX-License-Identifier: Apache-2.0
"""The Observations of one of the city's own Datastreams, hot and sealed, from the first on.

The lake is asked for the entity's rows of the time asked about; what it answers is given to the same statement that serves
every other Observation, so that every option means the same here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chengyun.access.predicates import Sql
from chengyun.city import City
from chengyun.errors import Malformed
from chengyun.lake.rows import invalid_bit
from chengyun.lake.tables import quote, stream_table
from chengyun.protocols.sensorthings.city import Shown, observation_sql
from chengyun.protocols.sensorthings.filters import Binary, Instant, Literal, Node, Path
from chengyun.protocols.sensorthings.options import Options
from chengyun.protocols.sensorthings.sql import Store

__all__ = ["MOST", "history"]

MOST = 100_000
"""Rows of one question; a longer stretch is asked for in parts."""
TIME = Path(("phenomenonTime",))


@dataclass(frozen=True, slots=True)
class _Window:
    """Of which time, in which order, and how many rows; most None: all of them, which must be at most MOST."""

    since: dt.datetime | None
    until: dt.datetime | None
    down: bool
    most: int | None


def history(city: City, numbers: Mapping[str, int], shown: Shown, key: str, options: Options, store: Store, rows: int) -> Store:
    """Return the store with the whole history of a Datastream in the place of its newest value.

    key: of the entity. rows: that the page needs, beside those it skips. Reads the lake: not on the loop.
    Raises Malformed (400) when the stretch asked about is longer than MOST rows.
    """
    stream, table = city.streams[shown.stream], stream_table(city, shown.stream)
    quantity = table.quantities[shown.quantity]
    window = _window(options, rows)
    found = _read(city, shown.stream, key, quantity, window, store.within.get(shown.stream))
    if window.most is None and len(found) > MOST:
        raise Malformed(
            f"More than {MOST:,} Observations would be read. Say of when: $filter=phenomenonTime ge … and phenomenonTime lt ….",
            code="query", status=400,
        )  # fmt: skip
    things = numbers[f"{shown.stream.split('.')[0]}.{stream.entity.to}"]
    columns = observation_sql(
        stream, numbers[shown.stream], things, f"{shown.quantity}::bigint", "v.seq", f"{shown.row}::bigint", "v.time", "v.number",
        "v.quality", f"{invalid_bit(shown.quantity)}::bigint",
    )  # fmt: skip
    arm = (
        f"SELECT {columns} FROM unnest(%(h_seq)s::bigint[], %(h_time)s::timestamptz[], %(h_number)s::float8[],"  # noqa: S608
        " %(h_quality)s::bigint[]) AS v (seq, time, number, quality)"
    )
    names = ("seq", "time", "number", "quality")
    params = {f"h_{name}": [row[name] for row in found] for name in names}
    return replace(store, arms={**store.arms, "Observation": arm}, params={**store.params, **params})


def _read(city: City, stream: str, key: str, quantity: str, window: _Window, within: Sql | None) -> list[dict[str, Any]]:
    from chengyun.lake.read import snapshot  # DuckDB, which most installations' visitors never need here

    pack, name = stream.split(".")
    declared = city.streams[stream]
    time, register, only = quote(declared.time), "", ""
    if within is not None:
        register = (
            f" LEFT JOIN {quote(pack)}.{quote(declared.entity.to)} AS register ON register.key = o.{quote(declared.entity.key)}"
        )
        only = f" AND ({within.text})"
    read = snapshot(
        [stream], since=window.since, until=window.until, entities=[key], exact=False, registers=within is not None
    )  # fmt: skip
    with read as lake:
        return lake.rows(
            f"SELECT o.seq, o.{time} AS time, o.{quote(quantity)} AS number, o.quality"  # noqa: S608  names from declarations
            f" FROM {quote(pack)}.{quote(name + '_raw')} AS o{register}"
            f" WHERE o.until_seq IS NULL AND o.{quote(quantity)} IS NOT NULL{only}"
            f" ORDER BY o.{time}{' DESC' if window.down else ''} LIMIT {MOST + 1 if window.most is None else window.most}",
            within.params if within is not None else {},
        )


def _window(options: Options, rows: int) -> _Window:
    """Return which stretch a question needs: all of its filter's times, or only the page when nothing else chooses rows."""
    since, until, rest = _times(options.filter)
    by_time = not options.orderby or (len(options.orderby) == 1 and options.orderby[0].node == TIME)
    down = bool(options.orderby) and options.orderby[0].down
    most = rows + options.skip if by_time and not rest and not options.count else None
    if by_time and options.after is not None and options.after and isinstance(options.after[0], str):
        edge = dt.datetime.fromisoformat(options.after[0])
        if down:
            until = min(until, edge + TICK) if until else edge + TICK
        else:
            since = max(since, edge) if since else edge
    return _Window(since, until, down, None if most is None or most > MOST else most)


TICK = dt.timedelta(microseconds=1)


def _times(node: Node | None) -> tuple[dt.datetime | None, dt.datetime | None, bool]:
    """Return the bounds a filter sets on the start of what is observed, and whether it asks for anything else."""
    match node:
        case None:
            return None, None, False
        case Binary("and", left, right):
            (a, b, c), (d, e, f) = _times(left), _times(right)
            return max(filter(None, (a, d)), default=None), min(filter(None, (b, e)), default=None), c or f
        case Binary("ge" | "gt" as op, Path(("phenomenonTime",)), Literal(Instant(at))):
            return at, None, op == "gt"
        case Binary("lt" | "le", Path(("phenomenonTime",)), Literal(Instant(at))):
            return None, at + TICK, True
        case _:
            return None, None, True
