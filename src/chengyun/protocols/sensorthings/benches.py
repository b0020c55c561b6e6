# SPDX-License-Identifier: Apache-2.0
"""How fast SensorThings is spoken, beside what others take in the same run (peers.py).

CHENGYUN_BENCH_ROWS says among how many rows is counted, 100,000,000 unless told: of the city's own so many lie sealed, of what
is posted as many as 8 GB and ten minutes allow.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place, status, wait_for
from chengyun.errors import Unavailable
from chengyun.protocols.sensorthings.filling import fill
from chengyun.protocols.sensorthings.peers import (
    ROOT,
    ROWS,
    SPAN_S,
    START,
    influx,
    median,
    observed_property,
    peer_figures,
    run,
    sensor,
    victoria,
)  # fmt: skip
from chengyun.protocols.sensorthings.sender import Orders, Report

THINGS, STREAMS = 50, 4
DATASTREAMS = 100_000


class _Ours:
    """An installation without simulation, with Things and Datastreams made."""

    def __init__(self, port: int, token: str, database_url: str) -> None:
        self.port, self.token, self.database_url = port, token, database_url
        self.env: Mapping[str, str] = {}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  our own address
            path if path.startswith("http") else f"http://127.0.0.1:{self.port}{ROOT}/{path}",
            data=None if body is None else json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Bearer {self.token}"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  our own address
            return json.load(answer)

    def run(self, **orders: Any) -> Report:
        return run(Orders(port=self.port, token=self.token, **orders))


@contextlib.contextmanager
def _ours() -> Iterator[_Ours]:
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        wait_for(lambda: status(f"{place.protocols_url}/health") == 200, 60, "the protocols process did not answer")
        ours = _Ours(place.protocols_port, place.token("read", "ingest:sensorthings"), place.state()["database_url"])
        ours.env = place.env
        yield ours


def _thing(number: int, sensor: Mapping[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    unit = {"name": "u", "symbol": "u", "definition": "u"}
    streams = [
        {"name": f"d{number}-{one}", "description": "d", "observationType": "urn:measurement", "unitOfMeasurement": unit,
         "Sensor": sensor, "ObservedProperty": seen}
        for one in range(STREAMS)
    ]  # fmt: skip
    point = {"type": "Point", "coordinates": [121.5 + number / 1000, 29.9]}
    place = {"name": "l", "description": "d", "encodingType": "application/geo+json", "location": point}
    return {"name": f"t{number}", "description": "d", "Locations": [place], "Datastreams": streams}


def _arrays(ids: Sequence[Any]) -> list[str]:
    bodies = []
    for turn in range(8):
        day = START + dt.timedelta(days=turn)
        times = [(day + dt.timedelta(seconds=second)).isoformat().replace("+00:00", "Z") for second in range(ROWS)]
        rows = [[time, round(position * 0.1 + 0.05, 2)] for position, time in enumerate(times)]
        named = [ids[(turn * 10 + one) % len(ids)] for one in range(10)]
        group = {"components": ["phenomenonTime", "result"], "dataArray": rows}
        bodies.append(json.dumps([{"Datastream": {"@iot.id": number}, **group} for number in named]))
    return bodies


def sensorthings() -> list[Result]:
    """Measure data arrays, single posts, a page of 100 Observations and a two-level $expand."""
    durable = "durable: answered after PostgreSQL's commit with fsync; counts and extents kept in the same transaction"
    with _ours() as city:
        device = {"@iot.id": city.call("POST", "Sensors", sensor())["@iot.id"]}
        seen = {"@iot.id": city.call("POST", "ObservedProperties", observed_property())["@iot.id"]}
        for number in range(THINGS):
            city.call("POST", "Things", _thing(number, device, seen))
        ids = [it["@iot.id"] for it in city.call("GET", "Datastreams?$top=1000&$select=id")["value"]]
        bodies = _arrays(ids)
        arrays = median(
            lambda: city.run(
                method="POST", paths=[f"{ROOT}/CreateObservations"], bodies=bodies, connections=3, seconds=SPAN_S, rows=10 * ROWS
            )
        )
        times = [f"2026-02-01T00:{minute:02d}:00Z" for minute in range(60)]
        singles = [
            json.dumps({"phenomenonTime": times[turn % 60], "result": turn * 1.5, "Datastream": {"@iot.id": number}})
            for turn, number in enumerate(ids * 2)
        ]
        single = median(
            lambda: city.run(method="POST", paths=[f"{ROOT}/Observations"], bodies=singles, connections=32, seconds=SPAN_S)
        )
        paths = [f"{ROOT}/Datastreams({number})/Observations?$top=100" for number in ids[:80]]
        reads = median(lambda: city.run(method="GET", paths=paths, connections=8, seconds=SPAN_S))
        inner = "Observations($top=5;$orderby=phenomenonTime%20desc)"
        deep = f"{ROOT}/Things?$top=10&$expand=Datastreams($expand={inner})"
        expands = median(lambda: city.run(method="GET", paths=[deep], connections=8, seconds=SPAN_S))
    peer = peer_figures()
    bulk = {**influx(), **victoria(), **({"django-ogc-sensorthings": peer["arrays"]} if "arrays" in peer else peer)}
    return [
        Result(name="sta-data-array", value=arrays, unit="obs/s", target=100_000, better="higher", compared=bulk,
               notes=f"Bodies of 10 × 1,000, three senders; {durable}."),
        Result(name="sta-post", value=single, unit="req/s", target=1_650, better="higher", compared=_part(peer, "single"),
               notes=f"One Observation a request, 32 senders that share commits; {durable}."),
        Result(name="sta-read-100", value=reads, unit="req/s", target=600, better="higher", compared=_part(peer, "reads"),
               notes="100 Observations of one Datastream as whole entities, access checked."),
        Result(name="sta-expand", value=expands, unit="req/s", target=200, better="higher", compared=_part(peer, "expands"),
               notes="10 Things with 4 Datastreams each and the newest 5 Observations of each of these."),
    ]  # fmt: skip


FILL_WITHIN_S = 600.0
PAGES_S = 30.0
"""How long pages of the newest are asked for, one after the other."""


def counts() -> list[Result]:
    """Measure the newest Observation of each of 100,000 Datastreams, page by page, and counts over 100 million rows."""
    return [*_posted(), *_sealed()]


HOURS = 8_760
"""Of the year that is sealed: a row each and station."""
NEWEST = "$select=id&$expand=Observations($top=1;$orderby=phenomenonTime%20desc;$select=result,phenomenonTime)"


def _sealed() -> list[Result]:
    """Measure counts and newest values of the city's own streams, of which a year lies sealed."""
    wanted = int(os.environ.get("CHENGYUN_BENCH_ROWS", "100_000_000"))
    with _ours() as city:
        done = subprocess.run(
            [sys.executable, "-m", "chengyun.lake.yearly", str(-(-wanted // HOURS)), "fill"], env=dict(city.env),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Unavailable(f"The year could not be filled: {done.stderr.strip().splitlines()[-1]}")
        filled = json.loads(done.stdout.splitlines()[-1])
        own = city.call("GET", "Datastreams?$count=true&$top=0")["@iot.count"]
        which = "properties/dataset%20eq%20'air_quality.station_hour'%20and%20properties/quantity%20eq%20'pm25'"
        last = city.call("GET", f"Datastreams?$top=1&$select=id&$filter={which}")["value"][0]["@iot.id"]
        pages = _pages(city, f"Datastreams?{NEWEST}&$top=1000")
        entities = f"http://127.0.0.1:{city.port}/ngsi-ld/v1/entities?type=Station"
        took = {
            name: statistics.median(_timed(city, path) for _ in range(5))
            for name, path in {
                "Observations of one Datastream": f"Datastreams({last})/Observations?$count=true&$top=0",
                "newest 100 of one Datastream": f"Datastreams({last})/Observations?$top=100&$orderby=phenomenonTime%20desc",
                "Datastreams": "Datastreams?$count=true&$top=0",
                "newest Observations": "Observations?$count=true&$top=0",
                "NGSI-LD entities": f"{entities}&limit=0&count=true",
                "NGSI-LD page of 1,000": f"{entities}&limit=1000&options=keyValues",
            }.items()
        }
        counted = city.call("GET", f"Datastreams({last})/Observations?$count=true&$top=0")["@iot.count"]
    if not 0 < counted <= HOURS:
        raise Unavailable(f"A Datastream of {HOURS:,} hours counts {counted:,} Observations.")
    over = (
        f"{filled['rows']:,} sealed rows of six quantities ({filled['bytes'] / 1e6:,.0f} MB), filled in {filled['fill_s']:.0f} s"
    )
    return [
        Result(name="sta-latest-sealed", value=statistics.median(pages), unit="ms", target=300,
               compared={"slowest page": f"{max(pages):.0f} ms", f"{len(pages)} pages": f"{sum(pages):.0f} ms"},
               notes=f"A page of 1,000 of the city's own {own:,} Datastreams with the newest of each; {over}."),
        Result(name="sta-counts-sealed", value=max(took.values()), unit="ms", target=300,
               compared={name: f"{ms:.1f} ms" for name, ms in took.items()},
               notes=f"The slowest of what is beside it, median of 5, over {over}."),
    ]  # fmt: skip


def _posted() -> list[Result]:
    """Measure the same over what was posted, in as many rows as fit."""
    with _ours() as city:
        thing = city.call("POST", "Things", {"name": "t", "description": "d"})["@iot.id"]
        device = city.call("POST", "Sensors", sensor())["@iot.id"]
        seen = city.call("POST", "ObservedProperties", observed_property())["@iot.id"]
        feature = city.call("POST", "FeaturesOfInterest", {"name": "f", "description": "d", "encodingType": "t", "feature": {}})
        given = {"thing": thing, "sensor": device, "property": seen, "streams": DATASTREAMS, "feature": feature["@iot.id"]}
        begun = time.monotonic()
        wanted = int(os.environ.get("CHENGYUN_BENCH_ROWS", "100_000_000"))
        rows = fill(city.database_url, given, rows=wanted, within_s=FILL_WITHIN_S)
        filled_s = time.monotonic() - begun
        first = city.call("GET", "Datastreams?$top=1&$select=id")["value"][0]["@iot.id"]
        page = f"Datastreams?{NEWEST}"
        pages, large = _pages(city, f"{page}&$top=1000"), _pages(city, f"{page}&$top=10000")
        counted = {
            "all Observations": "Observations?$count=true&$top=0",
            "of one Datastream": f"Datastreams({first})/Observations?$count=true&$top=0",
            "Datastreams": "Datastreams?$count=true&$top=0",
        }
        took = {name: statistics.median(_timed(city, path) for _ in range(5)) for name, path in counted.items()}
    return [
        Result(name="sta-latest", value=statistics.median(pages), unit="ms", target=300,
               compared={"slowest page": f"{max(pages):.0f} ms", f"{len(pages)} pages": f"{sum(pages):.0f} ms",
                         f"{len(large)} pages of 10,000": f"{sum(large):.0f} ms"},
               notes=f"A page of 1,000 Datastreams with the newest Observation of each, of {DATASTREAMS:,}; {rows:,} rows of the "
               f"{wanted:,} asked for, filled in {filled_s:.0f} s."),
        Result(name="sta-counts", value=max(took.values()), unit="ms", target=300,
               compared={name: f"{ms:.1f} ms" for name, ms in took.items()},
               notes=f"The slowest of the counts beside it, median of 5, over {rows:,} Observations."),
    ]  # fmt: skip


def _pages(city: _Ours, link: str) -> list[float]:
    """Return how long each page took, in ms, following the links until they end or time does."""
    took: list[float] = []
    while link and sum(took) < PAGES_S * 1000:
        begun = time.perf_counter()
        answer = city.call("GET", link)
        took.append((time.perf_counter() - begun) * 1000)
        link = answer.get("@iot.nextLink", "").rpartition(f"{ROOT}/")[2]
    return took


def _timed(city: _Ours, path: str) -> float:
    begun = time.perf_counter()
    city.call("GET", path)
    return (time.perf_counter() - begun) * 1000


def _part(peer: Mapping[str, str], name: str) -> dict[str, str]:
    return {"django-ogc-sensorthings": peer[name]} if name in peer else dict(peer)


BENCHES: Mapping[str, Bench] = {"sensorthings": sensorthings, "counts": counts}
