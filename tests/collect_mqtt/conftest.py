# SPDX-License-Identifier: Apache-2.0
"""A database, a real Mosquitto and collectors between them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from brokers import Collecting, Mosquitto

NAME = "test_mqtt"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def url(city_database: Callable[[str], str]) -> str:
    return city_database(NAME)


@pytest.fixture(scope="session")
def rows(url: str) -> Callable[..., list[tuple]]:
    def ask(query: str, *parameters: object) -> list[tuple]:
        with psycopg.connect(url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    return ask


@pytest.fixture(scope="session", autouse=True)
def channels(rows: Callable[..., list[tuple]]) -> None:
    """The patterns of this installation; the packs declare none."""
    for key, pattern, payload, fields in [
        ("air_json", "air/{station}/5min", "json", "{}"),
        ("air_values", "air/{station}/now/{quantity}", "plain", '{"PM2.5": "pm25"}'),
        ("air_batch", "air/batch", "json", '{"id": "station", "ts": "start", "pm2_5": "pm25"}'),
        ("air_nodes", "spBv1.0/air/+/+/{station}", "sparkplug", '{"Air/PM25": "pm25", "Air/PM10": "pm10"}'),
    ]:
        rows(
            "INSERT INTO things_channel (key, pattern, stream, payload, fields, enabled)"
            " VALUES (%s, %s, 'air_quality.station_5min', %s, %s::jsonb, true)",
            key, pattern, payload, fields,
        )  # fmt: skip


@pytest.fixture(scope="session")
def stations(rows: Callable[..., list[tuple]]) -> Callable[[int], list[str]]:
    """stations(3) registers three with new keys."""

    def make(count: int) -> list[str]:
        keys = [f"M{next(_numbers):06d}" for _ in range(count)]
        rows(
            "INSERT INTO air_quality_station (key, name, area_code, simulated, source, kind, code, city_name)"
            " SELECT key, key, '330203', false, '', 'national', '', '' FROM unnest(%s::text[]) AS keys (key)",
            keys,
        )
        return keys

    return make


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker everyone may use; kill nothing here."""
    with Mosquitto(tmp_path_factory.mktemp("broker")) as made:
        yield made


@pytest.fixture(scope="module")
def collecting(url: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collecting]:
    """One collector on that broker, for all tests of a file that only send: two at once would give each other's commands."""
    with Collecting(url, tmp_path_factory.mktemp("collector"), broker.address) as made:
        made.wait_connected()
        yield made
