# SPDX-License-Identifier: Apache-2.0
"""An installation of this folder's own that simulates nothing, with a register that is known to the last row."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode gives tests no folder of their own

from questions import Row, rows_of

from chengyun.bench.place import Place, open_place

COUNT = 1_500
PM25 = 5
"""Which quantity of the stream it is; its bit in `quality` says that a value is known to be wrong."""


class City:
    """The installation, and what is in it."""

    def __init__(self, place: Place, rows: list[Row]) -> None:
        self.place, self.rows = place, rows
        self.url = f"{place.protocols_url}/ogc"
        self.dsn = place.state()["database_url"]
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.client.get(path, **given)

    def run(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            cursor = conn.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def all(self, layer: str, limit: int = 1000, **given: Any) -> tuple[list[dict[str, Any]], int]:
        """Return every feature, following `next`, and the number that the first page says there are."""
        answer = self.get(f"/collections/{layer}/items", params={"limit": limit, **given})
        assert answer.status_code == 200, answer.text
        document = answer.json()
        matched, found = document["numberMatched"], list(document["features"])
        while following := [one["href"] for one in document["links"] if one["rel"] == "next"]:
            document = self.client.get(following[0]).json()
            assert document["numberMatched"] == matched
            found += document["features"]
        return found, matched


@pytest.fixture(scope="session")
def city() -> Iterator[City]:
    with open_place(first=False, env={"CHENGYUN_DEMO": "0"}) as place:
        city = City(place, rows_of(random.Random(20261122), COUNT))
        _seed(city)
        yield city
        city.client.close()


def _seed(city: City) -> None:
    with psycopg.connect(city.dsn) as conn:
        for row in city.rows:
            conn.execute(
                "INSERT INTO air_quality_station (id, key, name, area_code, lon, lat, valid_from, simulated, source, kind, code,"
                " city_name) OVERRIDING SYSTEM VALUE VALUES (%(id)s, %(key)s, %(name)s, %(area_code)s, %(lon)s, %(lat)s,"
                " %(valid_from)s, %(simulated)s, 'made up', %(kind)s, '', '')",
                row,
            )
            value, wrong = row["station_5min_pm25"], row["id"] % 11 == 0
            if row["station_5min_start"] is not None:
                conn.execute(
                    "INSERT INTO lake.latest_air_quality_station_5min (entity_id, runs, time, seq, quality, pm25)"
                    " VALUES (%s, '', %s, %s, %s, %s)",
                    [row["id"], row["station_5min_start"], row["id"], 1 << (8 + PM25) if wrong else 0, value],
                )  # fmt: skip
                if wrong:
                    row["station_5min_pm25"] = None
        conn.execute(
            "INSERT INTO operate_alert (rule, dataset, subject, subject_name, area_code, severity, since, last_seen_at,"
            " opened_at, evidence) SELECT 'air_quality.pm25_rising', 'air_quality.station_5min', key, name, area_code, 'yellow',"
            " now(), now(), now(), '{}' FROM air_quality_station WHERE id <= 40"
        )
