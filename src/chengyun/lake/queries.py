# SPDX-License-Identifier: Apache-2.0
"""Reads of the lake for pages: how streams stand, one entity's course, the versions of one observation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from chengyun.lake.tables import StreamTable, quote, stream_table, stream_tables


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream stands.

    rows_hot: seqs given since the newest sealed one. rows_sealed: versions in the sealed table.
    newest: phenomenon time of the newest observation; age: of it; received: when the newest request came. None: nothing yet.
    fault: why the last sealing did not come about; the rows stay hot.
    """

    stream: str
    name: str
    seq: int
    rows_hot: int
    rows_sealed: int
    newest: dt.datetime | None
    age: dt.timedelta | None
    received: dt.datetime | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """One entity's values over time, thinned to buckets of equal length.

    starts: start of each bucket that has observations. lows, highs, means: field → one value a bucket, None = unknown
    throughout. counts: observations a bucket.
    """

    starts: list[dt.datetime]
    step: dt.timedelta
    lows: Mapping[str, list[float | None]]
    highs: Mapping[str, list[float | None]]
    means: Mapping[str, list[float | None]]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an observation: as sent, when it came, and until which seq it was held true (None: it is)."""

    seq: int
    until_seq: int | None
    received: dt.datetime | None
    quality: int
    values: Mapping[str, Any]


def stream_status(now: dt.datetime | None = None) -> list[StreamStatus]:
    """Return how every stream stands, in declared order."""
    now = now or dt.datetime.now(dt.UTC)
    return [_status(table, now) for table in stream_tables(settings.CITY)]


def series(
    stream: str, key: str, fields: Sequence[str], since: dt.datetime, until: dt.datetime, points: int = 600
) -> Course:  # fmt: skip
    """Return an entity's course over [since, until) in at most `points` buckets. Raises NotFound for an unknown stream."""
    from chengyun.lake.read import snapshot  # DuckDB and Arrow are heavy; most pages need neither

    table = stream_table(settings.CITY, stream)
    step = max((until - since) / points, dt.timedelta(milliseconds=1))
    step_us = step // dt.timedelta(microseconds=1)
    parts = "".join(
        f", min({quote(field)}) AS low_{index}, max({quote(field)}) AS high_{index}, avg({quote(field)}) AS mean_{index}"
        for index, field in enumerate(fields)
    )
    # Names of fields stand in quotes and come from the declaration or do not resolve.
    sql = f"""
        SELECT (epoch_us({quote(table.time)}) - epoch_us($since)) // {step_us} AS bucket, count(*) AS n{parts}
        FROM {quote(table.key)} GROUP BY bucket ORDER BY bucket
    """  # noqa: S608
    with snapshot([stream], since=since, until=until, entities=[key], exact=False, registers=False) as seen:
        found = seen.arrow(sql, {"since": since}).to_pydict()
    return Course(
        starts=[since + step * bucket for bucket in found["bucket"]],
        step=step,
        lows={field: found[f"low_{index}"] for index, field in enumerate(fields)},
        highs={field: found[f"high_{index}"] for index, field in enumerate(fields)},
        means={field: found[f"mean_{index}"] for index, field in enumerate(fields)},
        counts=found["n"],
    )


def versions(stream: str, key: str, time: dt.datetime) -> list[Version]:
    """Return every version of one observation, oldest first; repetitions are no versions."""
    from chengyun.lake.read import snapshot  # as above

    table = stream_table(settings.CITY, stream)
    until = time + dt.timedelta(microseconds=1)
    with snapshot([stream], since=time, until=until, entities=[key], registers=False) as seen:
        rows = seen.rows(f"SELECT * FROM {quote(table.key + '_raw')} ORDER BY seq")  # noqa: S608
    received = _received(stream, [row["seq"] for row in rows])
    return [
        Version(
            row["seq"], row["until_seq"], received.get(row["seq"]), row["quality"],
            {name: row[name] for name in (*table.quantities, *table.words)},
        )
        for row in rows
    ]  # fmt: skip


def _status(table: StreamTable, now: dt.datetime) -> StreamStatus:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT coalesce((SELECT next_seq - 1 FROM lake_stream WHERE stream = %(stream)s), 0),
                (SELECT max(seq_to) FROM lake_chunk WHERE stream = %(stream)s AND sealed_at IS NOT NULL),
                (SELECT sum(rows - duplicates) FROM lake_chunk WHERE stream = %(stream)s AND sealed_at IS NOT NULL)
                    + (SELECT coalesce(sum(rows), 0) FROM lake_keeping WHERE stream = %(stream)s),
                (SELECT max(time) FROM {table.latest}),
                (SELECT received_at FROM lake_receipt WHERE stream = %(stream)s ORDER BY seq_to DESC LIMIT 1),
                (SELECT sealing_fault FROM lake_stream WHERE stream = %(stream)s)
            """,  # noqa: S608
            {"stream": table.qualified},
        )
        row = cursor.fetchone()
    assert row is not None
    seq, sealed_to, sealed, newest, received, fault = row
    name = settings.CITY.streams[table.qualified].name
    age = None if newest is None else now - newest
    hot = seq - (sealed_to or 0)
    return StreamStatus(table.qualified, name, seq, hot, int(sealed or 0), newest, age, received, fault or "")


def _received(stream: str, seqs: Sequence[int]) -> dict[int, dt.datetime]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT seq, (SELECT received_at FROM lake_receipt
                         WHERE stream = %s AND seq_to >= seq AND seq_from <= seq ORDER BY seq_to LIMIT 1)
            FROM unnest(%s::int8[]) AS seq
            """,
            [stream, list(seqs)],
        )
        return {seq: received for seq, received in cursor.fetchall() if received is not None}
