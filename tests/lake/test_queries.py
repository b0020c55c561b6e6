# SPDX-License-Identifier: Apache-2.0
"""What pages ask of the lake."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from chengyun.errors import NotFound
from chengyun.lake import hot
from chengyun.lake.queries import series, stream_status, versions
from chengyun.lake.services import due, seal, seal_due

from .conftest import START, Lake, Reading

STREAM = "gauges.level"


@pytest.fixture
def asked(lake: Lake, django_db_blocker) -> Iterator[Lake]:
    """The lake with Django's own connection pointing at it."""
    name = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = "lake_under_test"
        yield lake
        connection.close()
        connection.settings_dict["NAME"] = name


def test_status_counts_hot_and_sealed(asked: Lake) -> None:
    assert stream_status(START)[0].newest is None
    asked.write([Reading(0, hours, 1.0) for hours in range(10)])
    seal(STREAM)
    asked.write([Reading(0, 9, 2.0), Reading(1, 9.5, 2.0)])
    [status] = stream_status(START + dt.timedelta(hours=12))
    assert (status.stream, status.name, status.seq, status.rows_hot, status.rows_sealed) == (STREAM, "水位", 12, 2, 10)
    assert (status.newest, status.age) == (START + dt.timedelta(hours=9.5), dt.timedelta(hours=2.5))
    assert status.received is None


def test_a_course_has_its_extremes_whatever_the_bucket(asked: Lake) -> None:
    asked.write([Reading(0, hours, float(hours % 24), None if hours < 48 else 1.0) for hours in range(240)])
    asked.write([Reading(1, 5, 1000.0)])
    seal(STREAM)
    course = series(STREAM, "g00", ["depth", "flow"], START, START + dt.timedelta(hours=240), points=10)
    assert course.step == dt.timedelta(hours=24)
    assert course.starts == [START + dt.timedelta(hours=24 * day) for day in range(10)]
    assert (course.lows["depth"], course.highs["depth"]) == ([0.0] * 10, [23.0] * 10)
    assert course.means["depth"] == [11.5] * 10
    assert course.lows["flow"] == [None, None] + [1.0] * 8
    assert course.counts == [24] * 10


def test_versions_say_when_each_came(asked: Lake) -> None:
    asked.write([Reading(3, 1, 1.0)])
    seal(STREAM)
    seq = asked.write([Reading(3, 1, 1.0), Reading(3, 1, 2.0)])
    later = START + dt.timedelta(days=1)

    async def receive() -> None:
        async with await psycopg.AsyncConnection.connect(asked.url) as conn:
            await hot.write_receipts(conn, [hot.Receipt(STREAM, seq, seq + 1, later, "a", "b", None, b"")])

    asyncio.run(receive())
    first, second = versions(STREAM, "g03", START + dt.timedelta(hours=1))
    assert (first.seq, first.until_seq, first.received, first.values["depth"]) == (1, 3, None, 1.0)
    assert (second.seq, second.until_seq, second.received, second.values["depth"]) == (3, None, later, 2.0)
    with pytest.raises(NotFound, match="no stream"):
        versions("gauges.levels", "g03", START)


def test_only_old_or_large_chunks_are_due(lake: Lake) -> None:
    now = dt.datetime.now(dt.UTC)
    assert due(now) == []
    lake.write([Reading(0, 0, 1.0)])
    assert due(now) == []
    assert [outcome.rows for outcome in seal_due(now + dt.timedelta(hours=2))] == [1]
    with lake.connect() as conn:
        conn.execute("UPDATE lake_chunk SET opened_at = opened_at + interval '2 hours' WHERE chunk = 2")
    lake.write([Reading(0, 1, 1.0)])
    assert due(now + dt.timedelta(minutes=5)) == []
    # The sealed chunk is dropped in time; the open one stays as it is.
    assert [outcome.rows for outcome in seal_due(now + dt.timedelta(minutes=30))] == [0]
