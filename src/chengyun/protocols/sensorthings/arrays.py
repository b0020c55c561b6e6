# SPDX-License-Identifier: Apache-2.0
"""CreateObservations: many Observations of many Datastreams as tables. What is only times and numbers stays arrays throughout.

Standard: OGC 18-088, 13 (data array extension).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from chengyun.errors import Malformed
from chengyun.protocols.sensorthings.bodies import read_entity, reference_of
from chengyun.protocols.sensorthings.city import missing
from chengyun.protocols.sensorthings.kinds import KINDS
from chengyun.protocols.sensorthings.observing import Columns, Numbers, Row, find_features, lock, write
from chengyun.protocols.sensorthings.writing import NO_FEATURE

__all__ = ["create"]

Connection = AsyncConnection[TupleRow]
UNIX = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OBSERVATION = KINDS["Observation"]
FEATURE = ("FeatureOfInterest/id", "FeatureOfInterest/@iot.id")


class _Group:
    """One element of the body. parts: Columns or Rows; wrong: position → sentence, for rows that cannot be written."""

    def __init__(self, datastream: int, components: list[str], rows: list[Any], now: dt.datetime) -> None:
        self.datastream, self.size = datastream, len(rows)
        self.wrong: dict[int, str] = {}
        self.columns: Columns | None = _plain(datastream, components, rows)
        self.rows: list[Row | None] = [] if self.columns is not None else self._rows(components, rows, now)

    def _rows(self, components: list[str], rows: list[Any], now: dt.datetime) -> list[Row | None]:
        found: list[Row | None] = []
        for position, row in enumerate(rows):
            try:
                found.append(_row(self.datastream, components, row, now))
            except Malformed as wrong:
                self.wrong[position] = wrong.sentence
                found.append(None)
        return found


async def create(conn: Connection, numbers: Numbers, body: Any, now: dt.datetime, most: int) -> tuple[list[int | str], int]:
    """Write what a body holds, in the caller's transaction.

    Returns for every row, in order, its id or the sentence that says why it was not written; and how many were.
    Raises Malformed (400) for a body whose shape is wrong, or that holds more than `most` rows.
    """
    if not isinstance(body, list) or not body:
        raise _wrong("The body is a list of objects with Datastream, components and dataArray.")
    groups = [_group(one, position, now) for position, one in enumerate(body)]
    if sum(group.size for group in groups) > most:
        raise _wrong(f"The body holds more than {most:,} Observations. Send it in parts.")
    wanted = {group.datastream for group in groups}
    there = await lock(conn, wanted)
    without = {group.datastream for group in groups if group.columns or any(row and row.feature is None for row in group.rows)}
    features = await find_features(conn, without & there)
    named = {row.feature for group in groups for row in group.rows if row is not None and row.feature is not None}
    cursor = await conn.execute("SELECT id FROM sensorthings_feature WHERE id = ANY(%s) FOR KEY SHARE", [sorted(named)])
    known = {int(row[0]) for row in await cursor.fetchall()}
    parts: list[Row | Columns] = []
    for group in groups:
        _finish(group, there, features, known, parts)
    ids = iter(await write(conn, numbers, parts) if parts else [])
    answers: list[int | str] = []
    for group in groups:
        answers += [group.wrong[position] if position in group.wrong else next(ids) for position in range(group.size)]
    return answers, sum(isinstance(one, int) for one in answers)


def _finish(group: _Group, there: set[int], features: dict[int, int], known: set[int], parts: list[Row | Columns]) -> None:
    """Put what a group can have written among the parts."""
    feature = features.get(group.datastream)
    if group.datastream not in there:
        group.wrong = dict.fromkeys(range(group.size), missing(group.datastream))
    elif group.columns is not None:
        if feature is None:
            group.wrong = dict.fromkeys(range(group.size), NO_FEATURE.format(group.datastream))
        else:
            parts.append(group.columns._replace(feature=feature))
    else:
        for position, row in enumerate(group.rows):
            if row is None:
                continue
            own = row.feature if row.feature is not None else feature
            if own is None:
                group.wrong[position] = NO_FEATURE.format(group.datastream)
            elif row.feature is not None and row.feature not in known:
                group.wrong[position] = f"There is no FeatureOfInterest {row.feature}."
            else:
                parts.append(row._replace(feature=own))


def _group(one: Any, position: int, now: dt.datetime) -> _Group:
    at = f"Element {position + 1}"
    if not isinstance(one, dict):
        raise _wrong(f"{at} is not an object with Datastream, components and dataArray.")
    reference = reference_of(one.get("Datastream")) or reference_of(one.get("MultiDatastream"))
    if reference is None:
        raise _wrong(f'{at} names no Datastream. Write "Datastream": {{"@iot.id": 1}}.')
    components, rows = one.get("components"), one.get("dataArray")
    if not isinstance(components, list) or not all(isinstance(name, str) for name in components):
        raise _wrong(f"{at}: components is a list of names.")
    if len(set(components)) < len(components):
        raise _wrong(f"{at}: a component stands twice.")
    if "result" not in components:
        raise _wrong(f"{at}: components lack result.")
    for name in components:
        if name not in OBSERVATION.by_name and name not in FEATURE:
            raise _wrong(f"{at}: an Observation has no component {name[:60]!r}.")
    if not isinstance(rows, list):
        raise _wrong(f"{at}: dataArray is a list of lists.")
    for row in rows:
        if not isinstance(row, list) or len(row) != len(components):
            raise _wrong(f"{at}: a row of dataArray has not as many values as components.")
    return _Group(reference.id, components, rows, now)


def _plain(datastream: int, components: list[str], rows: list[Any]) -> Columns | None:
    """Return rows that are only a time in UTC and a number as arrays; None for any others."""
    if set(components) != {"phenomenonTime", "result"} or not rows:
        return None
    import numpy as np

    when, what = components.index("phenomenonTime"), components.index("result")
    times, results = [row[when] for row in rows], [row[what] for row in rows]
    if not all(type(one) is float or (type(one) is int and -(2**53) <= one <= 2**53) for one in results):
        return None
    if not all(type(one) is str and 20 <= len(one) <= 27 and one[-1] == "Z" and one[10] == "T" for one in times):
        return None
    try:
        start = np.array([one[:-1] for one in times], dtype="datetime64[us]").astype(np.int64)
    except ValueError:
        return None
    if start.min() < EARLIEST or start.max() > LATEST:
        return None
    return Columns(datastream, None, start, np.array(results, dtype=np.float64))


EARLIEST, LATEST = -(10**16), 25 * 10**16
"""Microseconds since 1970, far beyond any reading: other times take the way that says what is wrong with them."""


def _row(datastream: int, components: list[str], values: list[Any], now: dt.datetime) -> Row:
    feature = None
    body = {}
    for name, value in zip(components, values, strict=True):
        if name in FEATURE:
            reference = reference_of({"@iot.id": value})
            feature = reference.id if reference else None
        else:
            body[name] = value
    columns = read_entity(OBSERVATION, body, whole=True).columns
    return Row(
        datastream, feature, columns.get("phenomenon_start") or now, columns.get("phenomenon_end"), columns.get("result_time"),
        columns.get("number"), columns.get("result"), columns.get("result_quality"), columns.get("valid_start"),
        columns.get("valid_end"), columns.get("parameters"),
    )  # fmt: skip


def _wrong(sentence: str) -> Malformed:
    return Malformed(sentence, code="body", status=400)
