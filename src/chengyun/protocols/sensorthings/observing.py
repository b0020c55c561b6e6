# SPDX-License-Identifier: Apache-2.0
"""Observations into their table, and what is known of their Datastreams brought up to date, in the caller's transaction.

Rows are written by COPY. The tally rows of their Datastreams are locked first, in order of id: so a Datastream cannot go
while its Observations come, two writers never wait for each other in a ring, and counts are exact at every commit.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.errors import NotFound
from chengyun.protocols.sensorthings.times import write_instant, write_period

__all__ = ["Columns", "Numbers", "Row", "find_features", "lock", "recount", "told", "widen", "write"]

Connection = AsyncConnection[TupleRow]

BLOCK = 10_000
"""Ids are taken from the database so many at a time; the migration makes the sequence step so far."""
EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
COPY = (
    "COPY sensorthings_observation (id, datastream_id, feature_id, phenomenon_start, phenomenon_end, result_time, number, result,"
    " result_quality, valid_start, valid_end, parameters) FROM STDIN (FORMAT BINARY)"
)


class Row(NamedTuple):
    """One Observation. feature: None until it is known; JSON as text."""

    datastream: int
    feature: int | None
    start: dt.datetime
    end: dt.datetime | None = None
    result_time: dt.datetime | None = None
    number: float | None = None
    result: str | None = None
    quality: str | None = None
    valid_start: dt.datetime | None = None
    valid_end: dt.datetime | None = None
    parameters: str | None = None


def told(number: int, row: Row, root: str) -> str:
    """Return an Observation as JSON, as reading.py has the database write it: whoever just sent it need not ask for it."""
    me = f"{root}/Observations({number})"
    result = row.result if row.result is not None else "null" if row.number is None else _number(row.number)
    parts = [
        f'"@iot.id":{number},"@iot.selfLink":"{me}","phenomenonTime":"{write_period(row.start, row.end)}","result":{result},'
        f'"resultTime":{"null" if row.result_time is None else _quoted(write_instant(row.result_time))}'
    ]
    if row.quality is not None:
        parts.append(f'"resultQuality":{row.quality}')
    if row.valid_start is not None:
        parts.append(f'"validTime":"{write_period(row.valid_start, row.valid_end)}"')
    if row.parameters is not None:
        parts.append(f'"parameters":{row.parameters}')
    parts += [f'"{link}@iot.navigationLink":"{me}/{link}"' for link in ("Datastream", "FeatureOfInterest")]
    return "{" + ",".join(parts) + "}"


def _number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _quoted(text: str) -> str:
    return f'"{text}"'


class Columns(NamedTuple):
    """Many Observations of one Datastream that are only a time and a number: arrays of microseconds since 1970 and of floats."""

    datastream: int
    feature: int | None
    start: Any
    number: Any


class Numbers:
    """Ids of Observations, rising."""

    def __init__(self) -> None:
        self._next = self._end = 0

    async def take(self, conn: Connection, count: int) -> list[int]:
        """Return so many ids. What a process that ends has not used stays unused."""
        found: list[int] = []
        while len(found) < count:
            if self._next == self._end:
                cursor = await conn.execute("SELECT nextval('sensorthings_observation_id_seq')")
                row = await cursor.fetchone()
                assert row is not None
                self._next, self._end = int(row[0]), int(row[0]) + BLOCK
            step = min(count - len(found), self._end - self._next)
            found += range(self._next, self._next + step)
            self._next += step
        return found


async def lock(conn: Connection, datastreams: Iterable[int]) -> set[int]:
    """Make the caller the Datastreams' one writer until its transaction ends; return those that are there."""
    cursor = await conn.execute(
        "SELECT datastream_id FROM sensorthings_tally WHERE datastream_id = ANY(%s) ORDER BY datastream_id FOR NO KEY UPDATE",
        [sorted(set(datastreams))],
    )
    return {int(row[0]) for row in await cursor.fetchall()}


async def find_features(conn: Connection, datastreams: Iterable[int]) -> dict[int, int]:
    """Return the FeatureOfInterest of each Datastream for Observations that name none: made from its Thing's Location.

    Datastreams whose Thing has no Location are left out. Standard: OGC 18-088, 10.2.1.1.
    """
    cursor = await conn.execute(
        """
        SELECT DISTINCT ON (d.id) d.id, l.id, l.generated_id
        FROM sensorthings_datastream AS d
        JOIN sensorthings_thinglocation AS m ON m.thing_id = d.thing_id
        JOIN sensorthings_location AS l ON l.id = m.location_id
        WHERE d.id = ANY(%s) ORDER BY d.id, (l.bounds IS NULL), l.id
        """,
        [sorted(set(datastreams))],
    )
    found: dict[int, int] = {}
    made: dict[int, int] = {}
    for datastream, location, generated in await cursor.fetchall():
        if generated is None and location not in made:
            made[location] = await _generate(conn, location)
        found[datastream] = generated if generated is not None else made[location]
    return found


async def _generate(conn: Connection, location: int) -> int:
    cursor = await conn.execute("SELECT generated_id FROM sensorthings_location WHERE id = %s FOR UPDATE", [location])
    row = await cursor.fetchone()
    if row is not None and row[0] is not None:
        return int(row[0])
    cursor = await conn.execute(
        """
        WITH made AS (
            INSERT INTO sensorthings_feature (name, description, encoding_type, feature, bounds)
            SELECT name, description, encoding_type, location, bounds FROM sensorthings_location WHERE id = %(location)s
            RETURNING id)
        UPDATE sensorthings_location SET generated_id = made.id FROM made WHERE sensorthings_location.id = %(location)s
        RETURNING made.id
        """,
        {"location": location},
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("The Location went away meanwhile. Send this again.")
    return int(row[0])


async def write(conn: Connection, numbers: Numbers, parts: Sequence[Row | Columns]) -> list[int]:
    """Write Observations, in order; return their ids. The Datastreams are locked by the caller, the features known."""
    total = sum(1 if isinstance(part, Row) else len(part.start) for part in parts)
    ids = await numbers.take(conn, total)
    at = 0
    written = bytearray(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")
    tallies: dict[int, _Tally] = {}
    pairs: dict[tuple[int, int], int] = {}
    for part in parts:
        assert part.feature is not None
        count = 1 if isinstance(part, Row) else len(part.start)
        if isinstance(part, Row):
            _pack(written, ids[at], part)
        elif count:
            written += _pack_columns(part, ids[at : at + count])
        if count:
            tallies.setdefault(part.datastream, _Tally()).add(part)
            pair = part.datastream, part.feature
            pairs[pair] = pairs.get(pair, 0) + count
        at += count
    written += b"\xff\xff"
    async with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        await copy.write(written)
    await _keep(conn, tallies, pairs)
    return ids


class _Tally:
    __slots__ = ("count", "end", "result_end", "result_start", "start")

    def __init__(self) -> None:
        self.count = 0
        self.start: dt.datetime | None = None
        self.end: dt.datetime | None = None
        self.result_start: dt.datetime | None = None
        self.result_end: dt.datetime | None = None

    def add(self, part: Row | Columns) -> None:
        if isinstance(part, Row):
            self.count += 1
            start, end = part.start, part.end or part.start
            if part.result_time is not None:
                self.result_start = min(self.result_start or part.result_time, part.result_time)
                self.result_end = max(self.result_end or part.result_time, part.result_time)
        else:
            self.count += len(part.start)
            start, end = (UNIX + dt.timedelta(microseconds=int(edge)) for edge in (part.start.min(), part.start.max()))
        self.start = min(self.start or start, start)
        self.end = max(self.end or end, end)


UNIX = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


async def _keep(conn: Connection, tallies: dict[int, _Tally], pairs: dict[tuple[int, int], int]) -> None:
    """Bring tallies up to date. A feature new to a Datastream widens its observed area."""
    kept = list(tallies.values())
    await conn.execute(
        """
        UPDATE sensorthings_tally AS y SET
            observations = y.observations + new.count,
            phenomenon_start = least(y.phenomenon_start, new.a), phenomenon_end = greatest(y.phenomenon_end, new.b),
            result_time_start = least(y.result_time_start, new.c), result_time_end = greatest(y.result_time_end, new.d)
        FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
            AS new (datastream, count, a, b, c, d)
        WHERE y.datastream_id = new.datastream
        """,
        [
            list(tallies), [it.count for it in kept], [it.start for it in kept], [it.end for it in kept],
            [it.result_start for it in kept], [it.result_end for it in kept],
        ],
    )  # fmt: skip
    cursor = await conn.execute(
        """
        INSERT INTO sensorthings_featuretally AS kept (datastream_id, feature_id, observations)
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
        ON CONFLICT (datastream_id, feature_id) DO UPDATE SET observations = kept.observations + excluded.observations
        RETURNING datastream_id, (xmax = 0)
        """,
        [[pair[0] for pair in pairs], [pair[1] for pair in pairs], list(pairs.values())],
    )
    fresh = sorted({row[0] for row in await cursor.fetchall() if row[1]})
    if fresh:
        await widen(conn, fresh)


async def widen(conn: Connection, datastreams: Sequence[int]) -> None:
    """Make the observed area of Datastreams what their features cover."""
    await conn.execute(
        """
        UPDATE sensorthings_tally AS y SET observed = area.observed
        FROM (
            SELECT d.id, CASE WHEN count(f.bounds) > 0 THEN box(
                point(min((f.bounds[1])[0]), min((f.bounds[1])[1])), point(max((f.bounds[0])[0]), max((f.bounds[0])[1]))) END
                AS observed
            FROM unnest(%s::bigint[]) AS d (id)
            LEFT JOIN sensorthings_featuretally AS k ON k.datastream_id = d.id
            LEFT JOIN sensorthings_feature AS f ON f.id = k.feature_id
            GROUP BY d.id) AS area
        WHERE y.datastream_id = area.id
        """,
        [list(datastreams)],
    )


async def recount(conn: Connection, datastreams: Sequence[int]) -> None:
    """Count Datastreams anew from their Observations, after some were changed or deleted. They are locked by the caller."""
    if not datastreams:
        return
    await conn.execute(
        """
        UPDATE sensorthings_tally AS y SET observations = coalesce(o.count, 0),
            phenomenon_start = o.a, phenomenon_end = o.b, result_time_start = o.c, result_time_end = o.d
        FROM unnest(%(ids)s::bigint[]) AS d (id)
        LEFT JOIN (
            SELECT datastream_id, count(*) AS count, min(phenomenon_start) AS a,
                max(coalesce(phenomenon_end, phenomenon_start)) AS b, min(result_time) AS c, max(result_time) AS d
            FROM sensorthings_observation WHERE datastream_id = ANY(%(ids)s) GROUP BY datastream_id
        ) AS o ON o.datastream_id = d.id
        WHERE y.datastream_id = d.id
        """,
        {"ids": list(datastreams)},
    )
    await conn.execute("DELETE FROM sensorthings_featuretally WHERE datastream_id = ANY(%s)", [list(datastreams)])
    await conn.execute(
        """
        INSERT INTO sensorthings_featuretally (datastream_id, feature_id, observations)
        SELECT datastream_id, feature_id, count(*) FROM sensorthings_observation WHERE datastream_id = ANY(%s) GROUP BY 1, 2
        """,
        [list(datastreams)],
    )
    await widen(conn, datastreams)


# --- rows as COPY reads them ----------------------------------------------------------------------------------------------

_HEAD = struct.Struct("!hiqiqiq")
_LONG = struct.Struct("!iq")
_DOUBLE = struct.Struct("!id")
_NULL = b"\xff\xff\xff\xff"
_MICRO = dt.timedelta(microseconds=1)


def _pack(out: bytearray, number: int, row: Row) -> None:
    assert row.feature is not None
    out += _HEAD.pack(12, 8, number, 8, row.datastream, 8, row.feature)
    out += _LONG.pack(8, (row.start - EPOCH) // _MICRO)
    _pack_time(out, row.end)
    _pack_time(out, row.result_time)
    out += _NULL if row.number is None else _DOUBLE.pack(8, row.number)
    _pack_json(out, row.result)
    _pack_json(out, row.quality)
    _pack_time(out, row.valid_start)
    _pack_time(out, row.valid_end)
    _pack_json(out, row.parameters)


def _pack_time(out: bytearray, at: dt.datetime | None) -> None:
    out += _NULL if at is None else _LONG.pack(8, (at - EPOCH) // _MICRO)


def _pack_json(out: bytearray, text: str | None) -> None:
    if text is None:
        out += _NULL
    else:
        held = text.encode()
        # jsonb as it travels: a version, then the text.
        out += struct.pack("!iB", len(held) + 1, 1) + held


def _pack_columns(part: Columns, ids: list[int]) -> bytes:
    import numpy as np

    record = np.zeros(len(ids), dtype=[
        ("fields", ">i2"), ("l0", ">i4"), ("id", ">i8"), ("l1", ">i4"), ("datastream", ">i8"), ("l2", ">i4"), ("feature", ">i8"),
        ("l3", ">i4"), ("start", ">i8"), ("end", ">i4"), ("result_time", ">i4"), ("l6", ">i4"), ("number", ">f8"),
        ("rest", ">i4", (5,)),
    ])  # fmt: skip
    record["fields"] = 12
    for length in ("l0", "l1", "l2", "l3", "l6"):
        record[length] = 8
    record["id"], record["datastream"], record["feature"] = ids, part.datastream, part.feature
    record["start"] = part.start - (EPOCH - UNIX) // _MICRO
    record["number"] = part.number
    for absent in ("end", "result_time", "rest"):
        record[absent] = -1
    return record.tobytes()
