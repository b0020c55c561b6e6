# SPDX-License-Identifier: Apache-2.0
"""An empty lake of the air pack with a station in each of five districts, and a way to put observations into it."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from chengyun.lake import books, database, hot
from chengyun.lake.rows import Rows
from chengyun.lake.services import ensure_tables
from chengyun.lake.tables import stream_table

ZONE = ZoneInfo("Asia/Shanghai")
STREAM = "air_quality.station_hour"
DISTRICTS = ("330203", "330205", "330206", "330211", "330212")
KEYS = ("so2", "no2", "co", "o3", "pm10", "pm25")
Put = Callable[..., None]


@pytest.fixture
def lake(transactional_db) -> Iterator[dict[str, int]]:
    """Station key → id; a station is named by its district."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    station = apps.get_model("air_quality", "Station")
    yield {
        code: station.objects.create(key=code, name=f"{code} 站", area_code=f"{code}001", lon=121.5, lat=29.9).pk
        for code in DISTRICTS
    }
    books.forget()


@pytest.fixture
def put(lake: dict[str, int]) -> Put:
    """put([(station, local hour as text)], chance) writes one ingest transaction of made-up air."""
    table = stream_table(settings.CITY, STREAM)

    async def write(rows: Rows, days: list[dt.date]) -> None:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            opened = await hot.lock_stream(conn, table, len(rows))
            await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
            await hot.touch(conn, table, days)
            await conn.commit()

    def _put(hours: Sequence[tuple[str, str]], chance: random.Random) -> None:
        times = [dt.datetime.fromisoformat(hour).replace(tzinfo=ZONE) for _, hour in hours]
        count = len(hours)
        rows = Rows(
            np.array([lake[station] for station, _ in hours], np.int32),
            np.array([int(time.timestamp()) * 1_000_000 for time in times], np.int64),
            np.zeros(count, np.int64),
            {
                key: np.array([chance.randrange(4, 300) / 2 if key in KEYS else np.nan for _ in range(count)])
                for key in table.quantities
            },
            {key: [None] * count for key in table.words},
        )
        asyncio.run(write(rows, sorted({time.date() for time in times})))

    return _put


def whole_days(days: Sequence[str], stations: Sequence[str] = DISTRICTS) -> list[tuple[str, str]]:
    return [(station, f"{day}T{hour:02d}:00") for day in days for station in stations for hour in range(24)]
