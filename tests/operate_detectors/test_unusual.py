# SPDX-License-Identifier: Apache-2.0
"""Unusual as a rule of the ingest process: raised and ended whatever the batches, and nothing forgotten at a restart."""

from __future__ import annotations

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.city import Above, AlertRule, Unusual
from chengyun.city.declare import collecting
from chengyun.collect.watching import Watching
from chengyun.lake import books, database, hot
from chengyun.lake.rows import Rows
from chengyun.lake.services import ensure_tables
from chengyun.lake.tables import stream_table
from chengyun.operate.models import Alert
from chengyun.operate.rules import Named, RuleWatch

ZONE = ZoneInfo("Asia/Shanghai")
STREAM = "parking.lot_free"
START = dt.datetime(2026, 10, 1, tzinfo=ZONE)
DAYS = 21
ODD = DAYS * 24 - 10


def rows_of(hours: range, entities: tuple[int, ...], values: np.ndarray) -> Rows:
    """Return hourly rows, hour by hour, each entity once an hour."""
    time = [int((START + dt.timedelta(hours=hour)).timestamp()) * 1_000_000 for hour in hours for _ in entities]
    free = values[hours.start : hours.stop, : len(entities)].ravel()
    return Rows(
        np.tile(np.array(entities, np.int32), len(hours)), np.array(time, np.int64), np.zeros(len(time), np.int64),
        {"free": free}, {},
    )  # fmt: skip


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    """Free spaces of three car parks by hour; the first is empty when it should be full, for three hours."""
    rng = np.random.default_rng(9)
    hours = np.arange(DAYS * 24)
    wave = 100 - 60 * np.exp(-(((hours % 24) - 14) ** 2) / 18)
    made = wave[:, None] + rng.normal(scale=3.0, size=(len(hours), 3))
    made[ODD : ODD + 3, 0] = 100.0
    return made.round()


def told(transitions):
    """What must not depend on how rows were cut into batches, subject by subject."""
    happened = [one for one in transitions if one.kind != "update"]
    return sorted((one.subject, one.last_seen, one.kind, one.value, one.since, one.times) for one in happened)


def test_batches_change_nothing_and_the_evidence_says_how_odd(values):
    rule = {"parking.odd": AlertRule("odd", "反常", "lot_free", Unusual(1e-4, calm=2), "blue", "看一下", field="free")}
    names = {number: Named(f"P{number}", f"{number} 号", "330203001") for number in (1, 2, 3)}
    now = START + dt.timedelta(days=DAYS)
    found = []
    for size in (1, 7, DAYS * 24):
        watch = RuleWatch(settings.CITY, STREAM, zone=ZONE, rules=rule)
        one = []
        for first in range(0, DAYS * 24, size):
            rows = rows_of(range(first, min(first + size, DAYS * 24)), (1, 2, 3), values)
            one += watch.judge(rows, names, now, seq_from=first)
            watch.settle(one)
        found.append(one)
    assert told(found[0]) == told(found[1]) == told(found[2])
    odd = START + dt.timedelta(hours=ODD)
    raised = [one for one in found[0] if one.kind == "raise" and one.subject == "P1" and one.since == odd]
    assert len(raised) == 1
    evidence = raised[0].evidence
    assert (raised[0].value, evidence["value"]) == (100.0, 100.0)
    assert evidence["odds"] < 1e-4
    assert evidence["expected"] < 60
    ends = [one.last_seen for one in found[0] if one.kind == "clear" and one.subject == "P1" and one.since == odd]
    # Two ordinary ones in a row end it, once the mean of the last few is ordinary again too.
    assert len(ends) == 1
    assert dt.timedelta(hours=4) <= ends[0] - odd <= dt.timedelta(hours=20)
    false = [one for one in found[0] if one.kind == "raise" and one.since != odd]
    assert len(false) <= 2


@pytest.fixture
def lots(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched, detectors_memory")
    ensure_tables()
    model = apps.get_model("parking", "Lot")
    yield tuple(
        model.objects.create(key=f"P{number}", name=f"{number} 号", area_code="330203001001", lon=121.5, lat=29.9).pk
        for number in (1, 2)
    )
    books.forget()


def test_a_restart_forgets_nothing(lots, values):
    table = stream_table(settings.CITY, STREAM)
    names = {pk: Named(f"P{number}", f"{number} 号", "330203001001") for number, pk in enumerate(lots, 1)}
    now = START + dt.timedelta(days=DAYS)

    async def send(conn, watching: Watching, hours: range) -> None:
        rows = rows_of(hours, lots, values)
        opened = await hot.lock_stream(conn, table, len(rows))
        await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
        await hot.keep_latest(conn, table, rows, opened.next_seq)
        if watching.next_seq != opened.next_seq:
            await watching.restore(conn, opened.next_seq)
        await watching.write(conn, watching.judge(rows, names, now, opened.next_seq))
        await conn.commit()

    async def run() -> tuple[bytes, bytes]:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            first = Watching(settings.CITY, STREAM, ZONE)
            await send(conn, first, range(ODD - 50))
            await send(conn, first, range(ODD - 50, ODD - 20))
            # What was kept last stands behind what has come: the rest is learnt from the hot rows.
            await conn.execute("UPDATE detectors_memory SET rule = 'gone' WHERE entity = %s", [lots[1]])
            await conn.commit()
            second = Watching(settings.CITY, STREAM, ZONE)
            await second.restore(conn, first.next_seq or 0)
            kept = [watching._rules.oddities()[0][0].detector.memory.tobytes() for watching in (first, second)]
            await send(conn, second, range(ODD - 20, ODD + 1))
            return kept[0], kept[1]

    before, after = asyncio.run(run())
    assert before == after
    assert Alert.objects.filter(rule="parking.lot_unusual", subject="P1", since=START + dt.timedelta(hours=ODD)).exists()


def test_what_cannot_be_is_refused():
    with collecting() as faults:
        Unusual(probability=0.5)
        Unusual(probability=1e-3, calm=0)
        Above(1)
    assert len(faults) == 2
