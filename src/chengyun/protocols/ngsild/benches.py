# SPDX-License-Identifier: Apache-2.0
"""How fast NGSI-LD tells the newest of many entities, and how many there are: the city's own and what neighbours keep here."""

from __future__ import annotations

import json
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place, status, wait_for
from chengyun.city import load_city
from chengyun.collect.benches import register_entities
from chengyun.errors import Unavailable
from chengyun.lake.tables import stream_table

ENTITIES = 100_000
PAGE = 1_000
BATCH = 1_000
OWN = 20_000
"""Entities posted by a neighbour; posting more only takes longer."""
STREAM = "air_quality.station_5min"
ROUNDS = 5
PAGES_S = 60.0
"""How long pages are asked for, one after the other."""
NEWEST = """
    INSERT INTO {latest} (entity_id, runs, time, seq, quality, pm25)
    SELECT id, '', now(), id, 0, id %% 150 FROM {register} WHERE key LIKE 'B%%'
"""


class _Asked:
    """One installation's NGSI-LD, as its caller reaches it."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self._token = f"{address}/ngsi-ld/v1", token

    def ask(self, path: str, body: Any = None) -> tuple[Any, Mapping[str, str], float]:
        """Return the answer, its headers and the milliseconds it took."""
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self.address}/{path}", data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Accept": "application/json"},
        )  # fmt: skip
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            read = answer.read()
        return (json.loads(read) if read else None), answer.headers, (time.perf_counter() - begun) * 1000

    def median(self, path: str) -> float:
        return statistics.median(self.ask(path)[2] for _ in range(ROUNDS))

    def pages(self, type_name: str) -> tuple[list[float], int]:
        """Return the milliseconds of each page of a type's entities, and how many entities they told, while time allows."""
        took: list[float] = []
        told, page = 0, [None] * PAGE
        while len(page) == PAGE and sum(took) < PAGES_S * 1000:
            page, _, ms = self.ask(f"entities?type={type_name}&limit={PAGE}&offset={told}&options=keyValues")
            took.append(ms)
            told += len(page)
        return took, told


def ngsild_latest() -> list[Result]:
    """Measure pages of the newest values of 100,000 entities, and counts, over the city's own and a neighbour's."""
    city = load_city()
    table = stream_table(city, STREAM)
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        wait_for(lambda: status(f"{place.protocols_url}/health") == 200, 60, "the protocols process did not answer")
        url = str(place.state()["database_url"])
        register_entities(url, table, [f"B{number:06d}" for number in range(ENTITIES)])
        with psycopg.connect(url, autocommit=True) as conn:
            names = {name: psycopg.sql.SQL(value) for name, value in {"latest": table.latest, "register": table.register}.items()}
            conn.execute(psycopg.sql.SQL(NEWEST.replace("%%", "%")).format(**names))
            conn.execute("VACUUM ANALYZE")
        asked = _Asked(place.protocols_url, place.token("read", "ingest:ngsild"))
        for first in range(0, OWN, BATCH):
            asked.ask("entityOperations/create", [
                {"id": f"urn:ngsi-ld:BenchLamp:{number}", "type": "BenchLamp", "lit": number % 2 == 0, "power": number % 90}
                for number in range(first, first + BATCH)
            ])  # fmt: skip
        pages, told = asked.pages("Station")
        if told < ENTITIES and sum(pages) < PAGES_S * 1000:
            raise Unavailable(f"The pages told {told:,} entities of {ENTITIES:,}.")
        counted = {
            "the city's own": asked.median("entities?type=Station&limit=0&count=true"),
            "a neighbour's": asked.median("entities?type=BenchLamp&limit=0&count=true"),
            "a neighbour's, with q": asked.median(
                f"entities?type=BenchLamp&limit=0&count=true&q={urllib.parse.quote('power>80;lit==true')}"
            ),
        }
        posted = asked.median(f"entities?type=BenchLamp&limit={PAGE}&options=keyValues")
    return [
        Result(
            name="ngsild-latest", value=statistics.median(pages), unit="ms", target=300,
            compared={"slowest page": f"{max(pages):.0f} ms", f"{len(pages)} pages": f"{sum(pages):.0f} ms",
                      f"page of a neighbour's {OWN:,}": f"{posted:.0f} ms"},
            notes=f"A page of {PAGE:,} entities with the newest values of every stream, of {ENTITIES:,} in a register.",
        ),
        Result(
            name="ngsild-counts", value=max(counted.values()), unit="ms", target=300,
            compared={name: f"{ms:.1f} ms" for name, ms in counted.items()},
            notes=f"The slowest of the counts beside it, median of {ROUNDS}, over {ENTITIES:,} and {OWN:,}. NGSI-LD counts "
            "entities; observations are counted in `counts` (SensorThings).",
        ),
    ]  # fmt: skip


BENCHES: Mapping[str, Bench] = {"ngsild": ngsild_latest}
