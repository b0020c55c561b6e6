# SPDX-License-Identifier: Apache-2.0
"""An empty lake of the air pack with three stations, and a way to put hours of PM2.5 into it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator

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

STREAM = "air_quality.station_hour"
AREAS = {"A": "330203001001", "B": "330212002001", "C": "330203001001"}


@pytest.fixture
def stations(transactional_db) -> Iterator[dict[str, int]]:
    """Three stations in two districts: key → id."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    model = apps.get_model("air_quality", "Station")
    yield {
        key: model.objects.create(key=key, name=f"{key} 站", area_code=area, lon=121.5, lat=29.9).pk
        for key, area in AREAS.items()
    }
    books.forget()


@pytest.fixture
def put(stations: dict[str, int]) -> Callable[[str, dt.datetime, np.ndarray], None]:
    """put(station, first hour, values) writes hours of PM2.5; NaN is left out."""
    table = stream_table(settings.CITY, STREAM)

    async def write(rows: Rows) -> None:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            opened = await hot.lock_stream(conn, table, len(rows))
            await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
            await hot.keep_latest(conn, table, rows, opened.next_seq)
            await conn.commit()

    def _put(station: str, first: dt.datetime, values: np.ndarray) -> None:
        known = np.flatnonzero(~np.isnan(values))
        time = np.array([int((first + dt.timedelta(hours=int(hour))).timestamp()) * 1_000_000 for hour in known], np.int64)
        numbers = {key: np.full(len(known), np.nan) for key in table.quantities} | {"pm25": values[known]}
        asyncio.run(
            write(
                Rows(
                    np.full(len(known), stations[station], np.int32), time, np.zeros(len(known), np.int64), numbers,
                    {key: [None] * len(known) for key in table.words},
                )
            )
        )  # fmt: skip

    return _put
