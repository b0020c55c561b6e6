# SPDX-License-Identifier: Apache-2.0
"""Rules judged apart from the writing: by several judges that come and go, each row once, in order for its entity."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.collect.queue.models import RuleMark
from chengyun.collect.queue.rules import PARTS, Judges, begin, judged_up_to
from chengyun.errors import Refused
from chengyun.lake import books, database, hooks, hot
from chengyun.lake.rows import Rows
from chengyun.lake.seal import close_chunk, drop_sealed, seal_closed
from chengyun.lake.services import ensure_tables
from chengyun.lake.tables import stream_table
from chengyun.operate.models import Alert, AlertEvent
from chengyun.operate.rules import Named, RuleWatch

STREAM = "air_quality.station_hour"
ZONE = ZoneInfo("Asia/Shanghai")
FIRST = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=200)
STATIONS = 24


@pytest.fixture
def stations(transactional_db) -> Iterator[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched, queue_rulemark, queue_ruleseen")
    ensure_tables()
    station = apps.get_model("air_quality", "Station")
    yield [station.objects.create(key=f"S{at:02d}", name=f"S{at}", area_code="330203").pk for at in range(STATIONS)]
    books.forget()


def hour(stations: list[int], at: int) -> Rows:
    """An hour of every station, and the hour before again with another value, which counts for nothing."""
    table = stream_table(settings.CITY, STREAM)
    pairs = [(ident, at - back) for ident in stations for back in (0, 1)]
    values = [[40, 200, 300][(when + ident) % 3] if (when + ident) % 15 >= 10 else 40 for ident, when in pairs]
    unknown = np.full(len(pairs), np.nan)
    return Rows(
        np.array([ident for ident, _ in pairs], np.int32),
        np.array([int((FIRST + dt.timedelta(hours=when)).timestamp()) * 1_000_000 for _, when in pairs], np.int64),
        np.zeros(len(pairs), np.int64),
        dict.fromkeys(table.quantities, unknown) | {"pm25": np.array(values, float)},
        {key: [None] * len(pairs) for key in table.words},
    )


async def write(conn: psycopg.AsyncConnection, rows: Rows) -> None:
    table = stream_table(settings.CITY, STREAM)
    opened = await hot.lock_stream(conn, table, len(rows))
    await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
    await hot.keep_latest(conn, table, rows, opened.next_seq)
    await conn.commit()


def due(stations: list[int], hours: range) -> list[tuple[object, ...]]:
    """What one watch says of all the hours in order: (rule, entity, since)."""
    watch = RuleWatch(settings.CITY, STREAM, zone=ZONE)
    found = []
    names = {ident: Named(str(ident), str(ident)) for ident in stations}
    for at in hours:
        transitions = watch.judge(hour(stations, at), names, dt.datetime.now(dt.UTC))
        watch.settle(transitions)
        found += [(one.rule, int(one.subject), one.since) for one in transitions if one.kind == "raise"]
    return sorted(found)


def told(stations: list[int]) -> list[tuple[object, ...]]:
    ids = {f"S{at:02d}": ident for at, ident in enumerate(stations)}
    return sorted((one.rule, ids[one.subject], one.since) for one in Alert.objects.filter(dataset=STREAM))


@contextlib.asynccontextmanager
async def judging(dsn: str):
    task = asyncio.create_task(Judges(settings.CITY, dsn, ZONE).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def judged(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        for _ in range(1200):
            row = await (
                await conn.execute(
                    "SELECT min(seq) = (SELECT next_seq - 1 FROM lake_stream WHERE stream = %s) FROM queue_rulemark"
                    " WHERE stream = %s",
                    [STREAM, STREAM],
                )
            ).fetchone()
            if row and row[0]:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("not everything was judged")


def test_every_row_is_judged_once_by_judges_that_come_and_go(stations: list[int]) -> None:
    dsn = database.url()

    async def story() -> None:
        async with await psycopg.AsyncConnection.connect(dsn) as conn:
            await begin(conn, stream_table(settings.CITY, STREAM))
            await conn.commit()
            for at in range(30):  # before anybody judges
                await write(conn, hour(stations, at))
            async with judging(dsn):
                for at in range(30, 60):
                    await write(conn, hour(stations, at))
                async with judging(dsn):  # parts are handed over while rows come
                    for at in range(60, 100):
                        await write(conn, hour(stations, at))
                        await asyncio.sleep(0.01)
            # Nobody judges, the newest rows run ahead of what was judged; then another takes everything over.
            for at in range(100, 130):
                await write(conn, hour(stations, at))
            async with judging(dsn):
                for at in range(130, 150):
                    await write(conn, hour(stations, at))
                await judged(dsn)

    asyncio.run(story())
    expected = due(stations, range(150))
    assert len(expected) > 10 * STATIONS
    assert told(stations) == expected
    assert len({(one.rule, one.subject, one.since) for one in Alert.objects.all()}) == Alert.objects.count()
    raised = AlertEvent.objects.filter(kind="raised").count()
    assert raised <= len(expected)  # what was over when it was noticed has no beginning of its own
    one = Alert.objects.filter(dataset=STREAM).order_by("-since")[0]
    assert one.evidence["seq"] > 0
    assert RuleMark.objects.filter(stream=STREAM).count() == PARTS


def test_a_judge_that_lost_its_part_without_noticing_does_no_harm(stations: list[int]) -> None:
    dsn = database.url()
    one, other = (Judges(settings.CITY, dsn, ZONE) for _ in range(2))
    table = stream_table(settings.CITY, STREAM)

    async def story() -> None:
        from chengyun.collect.queue.rules import _Part

        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
            await begin(conn, table)
            mine, theirs = ([_Part(table, number) for number in range(PARTS)] for _ in range(2))
            await one._read_rules(conn)
            await other._read_rules(conn)
            async with await psycopg.AsyncConnection.connect(dsn) as writer:
                for at in range(60):
                    await write(writer, hour(stations, at))
                    newest = (at + 1) * 2 * STATIONS
                    # Both believe that all parts are theirs, and take turns without knowing of each other.
                    for part in mine if at % 2 else theirs:
                        await (one if at % 2 else other)._judge(conn, part, newest)
                    if at % 7 == 0:
                        for part in mine:
                            await one._judge(conn, part, newest)

    asyncio.run(story())
    assert told(stations) == due(stations, range(60))


def test_hot_rows_stay_until_they_are_judged(stations: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "needed_after", [judged_up_to])
    dsn, table = database.url(), stream_table(settings.CITY, STREAM)

    async def filled() -> None:
        async with await psycopg.AsyncConnection.connect(dsn) as conn:
            await begin(conn, table)
            await conn.commit()
            for at in range(20):
                await write(conn, hour(stations, at))

    async def judge() -> None:
        async with judging(dsn):
            await judged(dsn)

    asyncio.run(filled())
    with database.connect() as conn:
        close_chunk(conn, table)
        seal_closed(conn, table)
        assert drop_sealed(conn, table, dt.timedelta()) == 0
        asyncio.run(judge())
        assert told(stations) == due(stations, range(20))
        assert drop_sealed(conn, table, dt.timedelta()) == 1


def test_the_setting_is_one_of_two_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from chengyun.collect.queue.settings import rules_apart

    assert rules_apart({}) is False
    assert rules_apart({"CHENGYUN_RULES": "apart"}) is True
    with pytest.raises(Refused, match="together"):
        rules_apart({"CHENGYUN_RULES": "elsewhere"})
