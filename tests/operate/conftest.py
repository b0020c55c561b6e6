# SPDX-License-Identifier: Apache-2.0
"""An empty lake of the air pack, with two stations, and a way to put observations into it as ingest does."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
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
from chengyun.lake.tables import stream_table, stream_tables
from chengyun.operate import alert_store
from chengyun.operate.rules import Named, RuleWatch

ZONE = ZoneInfo("Asia/Shanghai")
STREAM = "air_quality.station_hour"
Put = Callable[..., list]


@pytest.fixture
def lake(transactional_db) -> Iterator[dict[str, int]]:
    """Two stations in two districts: key → id."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lake CASCADE")
        # Its books are tables of Django's; tests before this one may have left what they say of another lake.
        cursor.execute("TRUNCATE lake_stream, lake_chunk, lake_receipt, lake_touched")
    ensure_tables()
    station = apps.get_model("air_quality", "Station")
    made = {}
    for key, area in (("A", "330203001"), ("B", "330212002")):
        row = station.objects.create(key=key, name=f"{key} 站", area_code=area, lon=121.5, lat=29.9)
        made[key] = row.pk
    yield made
    books.forget()


@pytest.fixture
def put(lake: dict[str, int]) -> Put:
    """put([(station, local hour as datetime or text, {"pm25": …}), …], simulated=…, rules=…) writes one ingest transaction."""
    table = stream_table(settings.CITY, STREAM)
    names = {
        ident: Named(key, f"{key} 站", area) for (key, ident), area in zip(lake.items(), ("330203001", "330212002"), strict=True)
    }

    async def write(rows: Rows, days: list[dt.date], watch: RuleWatch | None, now: dt.datetime) -> list:
        async with await psycopg.AsyncConnection.connect(database.url()) as conn:
            if watch is not None:
                await alert_store.load(conn, settings.CITY, watch)
            opened = await hot.lock_stream(conn, table, len(rows))
            await hot.append(conn, table, rows, opened.next_seq, opened.chunk)
            await hot.keep_latest(conn, table, rows, opened.next_seq)
            await hot.touch(conn, table, days)
            found = []
            if watch is not None:
                found = watch.judge(rows, names, now, seq_from=opened.next_seq)
                await alert_store.write(conn, found)
                await alert_store.write_runs(conn, watch, names)
            await conn.commit()
            return found

    def _put(
        observations: list[tuple[str, dt.datetime | str, Mapping[str, float | None]]],
        *,
        quality: int = 0,
        watch: RuleWatch | None = None,
        now: dt.datetime | None = None,
    ) -> list:
        hours = [
            (dt.datetime.fromisoformat(hour) if isinstance(hour, str) else hour).replace(tzinfo=ZONE)
            for _, hour, _ in observations
        ]
        rows = Rows(
            np.array([lake[station] for station, _, _ in observations], np.int32),
            np.array([int(hour.timestamp()) * 1_000_000 for hour in hours], np.int64),
            np.full(len(observations), quality, np.int64),
            {
                key: np.array([np.nan if values.get(key) is None else values[key] for _, _, values in observations], np.float64)
                for key in table.quantities
            },
            {key: [None] * len(observations) for key in table.words},
        )
        return asyncio.run(write(rows, sorted({hour.date() for hour in hours}), watch, now or dt.datetime.now(dt.UTC)))

    assert stream_tables(settings.CITY)
    return _put


def hours_of(station: str, day: str, values: Mapping[str, float], count: int = 24) -> list:
    """The same values for the first hours of a local day."""
    start = dt.datetime.fromisoformat(day)
    return [(station, start + dt.timedelta(hours=hour), values) for hour in range(count)]
