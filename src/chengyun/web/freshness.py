# SPDX-License-Identifier: Apache-2.0
"""How old what the city knows is: the newest observation of every stream the reader may see."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from psycopg import sql

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import Stream, sql_name
from chengyun.web.tiles import Status

_CONNECTED = sql.SQL(
    "SELECT spec->'stream'->>'to', NULL::timestamptz, NULL::bigint, NULL::boolean, NULL::boolean FROM pull_source"
    " WHERE state <> 'paused' UNION ALL"
    " SELECT stream, NULL, NULL, NULL, NULL FROM things_channel WHERE enabled"
)
"""Streams that somebody said where to read."""


@dataclass(frozen=True, slots=True)
class StreamAge:
    """name, pack: as declared. newest: when its newest observation ended; None: nothing ever came. entities: how many report.

    source: the department that answers for it. simulated, real: whether any entity's newest observation is.
    expected: whether it ever spoke, or somebody said where it is read from: a source or a topic that is switched on.
    """

    key: str
    name: str
    pack: str
    source: str
    newest: dt.datetime | None
    status: Status
    entities: int
    simulated: bool
    real: bool
    expected: bool


def silent_after(stream: Stream) -> dt.timedelta | None:
    """Return how long a stream's entity may say nothing; None when any silence is normal."""
    return stream.silent_after or (stream.cadence * 3 if stream.cadence else None)


def stream_ages(actor: Actor, now: dt.datetime) -> tuple[StreamAge, ...]:
    """Return every stream the actor may read, in declared order, in one query."""
    streams: dict[str, Stream] = {name: one for name, one in settings.CITY.streams.items() if scope(actor, name).allowed}
    if not streams:
        return ()
    parts: list[sql.Composable] = [
        sql.SQL(
            "SELECT {} AS stream, max(time) AS newest, count(*) AS entities, bool_or(quality & 128 <> 0) AS simulated,"
            " bool_or(quality & 128 = 0) AS real FROM {}"
        ).format(sql.Literal(name), sql.Identifier("lake", f"latest_{sql_name(name)}"))
        for name in streams
    ]
    parts.append(_CONNECTED)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        rows = cursor.fetchall()
    found = {name: rest for name, *rest in rows if name in streams and rest[1] is not None}
    connected = {name for name, *rest in rows if rest[1] is None}
    ages = []
    for name, stream in streams.items():
        newest, entities, simulated, real = found[name]
        limit = silent_after(stream)
        late = newest is not None and limit is not None and now - newest > limit
        pack = settings.CITY.packs[name.split(".")[0]].pack
        status: Status = "missing" if newest is None else "stale" if late else "fresh"
        ended = stream.end_of(newest) if newest else None
        ages.append(
            StreamAge(
                name, stream.name, pack.name, pack.owner, ended, status, entities, bool(simulated), bool(real),
                newest is not None or name in connected,
            )
        )  # fmt: skip
    return tuple(ages)
