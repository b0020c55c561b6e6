# SPDX-License-Identifier: Apache-2.0
"""An empty lake of the air pack with three stations, a way to put rows into it as ingest does, and people."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment
from chengyun.collect.watching import Watching
from chengyun.lake import books, database, hot
from chengyun.lake.rows import Rows
from chengyun.lake.services import ensure_tables
from chengyun.lake.tables import stream_table
from chengyun.operate.rules import Named

STREAM = "air_quality.station_hour"
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
AREAS = {"A": "330203001", "B": "330212002", "C": "330203001"}
Row = tuple[str, int, float | None, int]
"""Station, hour since START, pm25, quality."""


@pytest.fixture
def lake(transactional_db) -> Iterator[dict[str, int]]:
    """Three stations in two districts: key → id."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    station = apps.get_model("air_quality", "Station")
    made = {
        key: station.objects.create(key=key, name=f"{key} 站", area_code=area, lon=121.5, lat=29.9).pk
        for key, area in AREAS.items()
    }
    yield made
    books.forget()


@pytest.fixture
def live(lake: dict[str, int]) -> Callable[[Sequence[Sequence[Row]]], None]:
    """Take batches in as the ingest process does: judged by what stands in the database, alerts in the rows' transaction."""
    table = stream_table(settings.CITY, STREAM)
    names = {ident: Named(key, f"{key} 站", AREAS[key]) for key, ident in lake.items()}

    watching = Watching(settings.CITY, STREAM, ZoneInfo("Asia/Shanghai"))

    async def take(batches: Sequence[Sequence[Row]]) -> None:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            for batch in batches:
                rows = as_rows(batch, lake, table.quantities)
                opened = await hot.lock_stream(conn, table, len(rows))
                if watching.next_seq != opened.next_seq:
                    await watching.restore(conn, opened.next_seq)
                await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
                await hot.keep_latest(conn, table, rows, opened.next_seq)
                newest = dt.datetime.fromtimestamp(int(rows.time.max()) / 1e6, dt.UTC)
                noticed = watching.judge(rows, names, newest + dt.timedelta(hours=1), opened.next_seq)
                await watching.write(conn, noticed)
                await conn.commit()

    return lambda batches: asyncio.run(take([batch for batch in batches if batch]))


def as_rows(batch: Sequence[Row], ids: dict[str, int], quantities: Sequence[str]) -> Rows:
    count = len(batch)
    return Rows(
        np.array([ids[station] for station, *_ in batch], np.int32),
        np.array([int((START + dt.timedelta(hours=hour)).timestamp()) * 1_000_000 for _, hour, _, _ in batch], np.int64),
        np.array([quality for *_, quality in batch], np.int64),
        {
            key: np.array([np.nan if key != "pm25" or value is None else value for _, _, value, _ in batch], np.float64)
            for key in quantities
        },
        {key: [None] * count for key in stream_table(settings.CITY, STREAM).words},
    )


@pytest.fixture
def people(db) -> dict[str, Actor]:
    """zhang and li file and review; wang leads."""
    made = {}
    for name, roles in (("zhang", ("duty_officer", "data_steward")), ("li", ("duty_officer",)), ("wang", ("leader",))):
        account = Account.objects.create_user(name, email=f"{name}@example.org", password=None)
        for role in roles:
            Assignment.objects.create(account=account, role=role)
        made[name] = actor_of_account(account)
    return made
