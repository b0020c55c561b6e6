# SPDX-License-Identifier: Apache-2.0
"""A lake of its own for each test: a fresh database with the lake's tables and one register of twelve gauges."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import shutil
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pytest
from django.db import connection as django_connection
from psycopg import conninfo

from chengyun.city import load_city
from chengyun.config import Config, config
from chengyun.lake import books, database, hot, models, places, prepare
from chengyun.lake.rows import Rows
from chengyun.lake.tables import StreamTable, stream_table

sys.path.insert(0, str(Path(__file__).parent / "packs"))

START = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
AUDIT = """
    CREATE TABLE access_auditrecord (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), account_id bigint,
        actor varchar(100) NOT NULL, organisation varchar(64) NOT NULL, action varchar(64) NOT NULL,
        dataset varchar(128) NOT NULL, target varchar(200) NOT NULL, purpose varchar(32) NOT NULL, detail jsonb NOT NULL)
"""
REGION = "us-east-1"
GAUGES = [f"g{number:02d}" for number in range(12)]


class Reading(NamedTuple):
    """One observation as a test writes it. hours: after START; gauge: position in GAUGES."""

    gauge: int
    hours: float
    depth: float | None
    flow: float | None = None
    state: str | None = None
    note: str | None = None
    quality: int = 0


class Lake:
    """The lake under test."""

    def __init__(self, url: str, table: StreamTable) -> None:
        self.url = url
        self.table = table

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, autocommit=True)

    def write(self, readings: Sequence[Reading]) -> int:
        """Ingest one batch as collect does; return its first seq."""
        return asyncio.run(self._write(rows_of(self.table, readings)))

    async def _write(self, rows: Rows) -> int:
        async with await psycopg.AsyncConnection.connect(self.url) as conn:
            chunk, seq = await hot.lock_stream(conn, self.table, len(rows))
            await hot.append(conn, self.table, rows, seq, chunk)
            await hot.keep_latest(conn, self.table, rows, seq)
            await hot.touch(conn, self.table, [START.date()])
        return seq


def rows_of(table: StreamTable, readings: Sequence[Reading]) -> Rows:
    number = lambda value: np.nan if value is None else value  # noqa: E731
    return Rows(
        np.array([reading.gauge + 1 for reading in readings], dtype=np.int32),
        np.array([round((START.timestamp() + reading.hours * 3600) * 1e6) for reading in readings], dtype=np.int64),
        np.array([reading.quality for reading in readings], dtype=np.int64),
        {key: np.array([number(getattr(reading, key)) for reading in readings]) for key in table.quantities},
        {key: [getattr(reading, key) for reading in readings] for key in table.words},
    )


def _server(name: str) -> str:
    settings = django_connection.settings_dict
    return conninfo.make_conninfo(
        user=settings["USER"], password=settings["PASSWORD"], host=settings["HOST"], port=settings["PORT"], dbname=name
    )


@pytest.fixture(scope="session")
def template() -> str:
    """A database with the lake's books and a register, copied for every test."""
    name = "lake_template"
    with psycopg.connect(_server("postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
    with django_connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for model in (models.Stream, models.Chunk, models.Receipt, models.Touched, models.Keeping):
            editor.create_model(model)
    with psycopg.connect(_server(name), autocommit=True) as conn:
        for statement in editor.collected_sql:
            conn.execute(statement)
        conn.execute(AUDIT)
        conn.execute("""
            CREATE TABLE gauges_gauge (id serial PRIMARY KEY, key text UNIQUE, name text, lon float8, lat float8,
                area_code text NOT NULL DEFAULT '', simulated bool NOT NULL DEFAULT false)
        """)
        for key in GAUGES:
            conn.execute(
                "INSERT INTO gauges_gauge (key, name, lon, lat, area_code) VALUES (%s, %s, 121.5, 29.9, '330203001')",
                [key, f"{key} 站"],
            )
        prepare.prepare(conn, [stream_table(load_city(("gauges",)), "gauges.level")])
    return name


class Renewable(NamedTuple):
    """A lake that starts anew as often as asked, for tests that run many examples in one."""

    lake: Lake
    template: str

    def renew(self) -> Lake:
        books.forget()
        shutil.rmtree(config().warehouse, ignore_errors=True)
        with psycopg.connect(_server("postgres"), autocommit=True) as server:
            server.execute("DROP DATABASE IF EXISTS lake_under_test WITH (FORCE)")
            server.execute(f"CREATE DATABASE lake_under_test TEMPLATE {self.template}")
        return self.lake


@pytest.fixture
def renewed(template: str, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renewable]:
    settings.CITY = load_city(("gauges",))
    url = database.url_of(django_connection.settings_dict | {"NAME": "lake_under_test"})
    monkeypatch.setattr(database, "url", lambda: url)
    yield Renewable(Lake(url, stream_table(settings.CITY, "gauges.level")), template)
    books.forget()


@pytest.fixture(scope="session")
def connection_url(template: str) -> str:
    return _server(template)


@pytest.fixture(scope="session")
def store() -> Iterator[str]:
    """The address of an object store on this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class InBucket(NamedTuple):
    """A lake whose sealed tables lie in a bucket. client: boto3's. environment: of processes that share it."""

    lake: Lake
    client: Any
    here: Config
    environment: dict[str, str]

    @property
    def bucket(self) -> str:
        return self.here.lake.removeprefix("s3://").partition("/")[0]

    def forget_copies(self) -> None:
        shutil.rmtree(self.here.data / "cache", ignore_errors=True)

    def keys(self, part: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket)
        return [one["Key"] for one in found.get("Contents", ()) if part in one["Key"]]


def new_bucket(store: str) -> tuple[Config, Any]:
    """Make a bucket; return settings by which sealed tables lie in it, and boto3's client."""
    import boto3

    name = f"lake-{uuid.uuid4().hex[:12]}"
    client = boto3.client("s3", endpoint_url=store, region_name=REGION, aws_access_key_id="key", aws_secret_access_key="secret")
    client.create_bucket(Bucket=name)
    here = dataclasses.replace(
        config(), lake=f"s3://{name}/city", lake_endpoint=store, lake_region=REGION, lake_key="key", lake_secret="secret"
    )
    return here, client


@pytest.fixture
def in_bucket(lake: Lake, store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[InBucket]:
    """The same lake, its sealed tables in a new bucket of an object store."""
    here, client = new_bucket(store)
    monkeypatch.setattr(places, "config", lambda: here)
    environment = {
        "CHENGYUN_LAKE": here.lake, "CHENGYUN_LAKE_ENDPOINT": store, "CHENGYUN_LAKE_REGION": REGION,
        "CHENGYUN_LAKE_KEY": "key", "CHENGYUN_LAKE_SECRET": "secret",
    }  # fmt: skip
    found = InBucket(lake, client, here, environment)
    found.forget_copies()
    yield found
    found.forget_copies()


@pytest.fixture
def lake(renewed: Renewable) -> Lake:
    return renewed.renew()
