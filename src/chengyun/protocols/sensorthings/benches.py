# SPDX-License-Identifier: Apache-2.0
"""How fast SensorThings is spoken, beside what others take in the same run: django-ogc-sensorthings, InfluxDB, VictoriaMetrics.

Peers run when they are there: the first in an environment of its own under build/peers, the other two as Debian packs them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import open_place, status, wait_for
from chengyun.errors import Unavailable
from chengyun.protocols.sensorthings.sender import Orders, Report

ROOT = "/sensorthings/v1.1"
SPAN_S, ROUNDS = 3.0, 3
THINGS, STREAMS = 50, 4
ROWS = 1_000
"""Observations of one element of a data array; ten elements a body."""
DATASTREAMS = 100_000
PEER = Path(__file__).parents[4] / "build" / "peers" / "django-ogc-sensorthings"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class _Ours:
    """An installation without simulation, with Things and Datastreams made."""

    def __init__(self, port: int, token: str, database_url: str) -> None:
        self.port, self.token, self.database_url = port, token, database_url

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{ROOT}/{path}", data=None if body is None else json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Bearer {self.token}"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  our own address
            return json.load(answer)

    def run(self, **orders: Any) -> Report:
        return _run(Orders(port=self.port, token=self.token, **orders))


@contextlib.contextmanager
def _ours() -> Iterator[_Ours]:
    with open_place(env={"CHENGYUN_DEMO": "0"}) as place:
        wait_for(lambda: status(f"{place.protocols_url}/health") == 200, 60, "the protocols process did not answer")
        yield _Ours(place.protocols_port, place.token("read", "ingest:sensorthings"), place.state()["database_url"])


def _run(orders: Orders) -> Report:
    done = subprocess.run(
        [sys.executable, "-m", "chengyun.protocols.sensorthings.sender"],
        input=msgspec.json.encode(orders), stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    report = msgspec.json.decode(done.stdout, type=Report)
    if report.failures:
        raise Unavailable(f"{report.failures} of {report.requests} requests failed, the first: {report.first_failure}")
    return report


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
        sensor = {"@iot.id": city.call("POST", "Sensors", _sensor())["@iot.id"]}
        seen = {"@iot.id": city.call("POST", "ObservedProperties", _property())["@iot.id"]}
        for number in range(THINGS):
            city.call("POST", "Things", _thing(number, sensor, seen))
        ids = [it["@iot.id"] for it in city.call("GET", "Datastreams?$top=1000&$select=id")["value"]]
        bodies = _arrays(ids)
        arrays = _median(
            lambda: city.run(
                method="POST", paths=[f"{ROOT}/CreateObservations"], bodies=bodies, connections=3, seconds=SPAN_S, rows=10 * ROWS
            )
        )
        singles = [
            json.dumps(
                {"phenomenonTime": f"2026-02-01T00:{turn % 60:02d}:00Z", "result": turn * 1.5, "Datastream": {"@iot.id": number}}
            )
            for turn, number in enumerate(ids * 2)
        ]
        single = _median(
            lambda: city.run(method="POST", paths=[f"{ROOT}/Observations"], bodies=singles, connections=32, seconds=SPAN_S)
        )
        paths = [f"{ROOT}/Datastreams({number})/Observations?$top=100" for number in ids[:80]]
        reads = _median(lambda: city.run(method="GET", paths=paths, connections=8, seconds=SPAN_S))
        inner = "Observations($top=5;$orderby=phenomenonTime%20desc)"
        deep = f"{ROOT}/Things?$top=10&$expand=Datastreams($expand={inner})"
        expands = _median(lambda: city.run(method="GET", paths=[deep], connections=8, seconds=SPAN_S))
    peer = _peer_figures()
    bulk = {**_influx(), **_victoria(), **({"django-ogc-sensorthings": peer["arrays"]} if "arrays" in peer else peer)}
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


FILL = """
INSERT INTO sensorthings_datastream (name, description, unit_of_measurement, observation_type, thing_id, sensor_id,
    observed_property_id)
SELECT 'b' || i, 'd', '{}', 'm', %(thing)s, %(sensor)s, %(property)s FROM generate_series(1, %(streams)s) AS i;
INSERT INTO sensorthings_tally (datastream_id) SELECT id FROM sensorthings_datastream ON CONFLICT DO NOTHING;
"""
ROWS_OF = """
INSERT INTO sensorthings_observation (id, datastream_id, feature_id, phenomenon_start, number)
SELECT %(base)s + row_number() OVER (), d.id, %(feature)s, timestamptz '2026-01-01' + (t + %(turn)s) * interval '1 minute', t
FROM sensorthings_datastream AS d CROSS JOIN generate_series(0, %(each)s - 1) AS t
"""
KEEP = """
UPDATE sensorthings_tally SET observations = %(total)s, phenomenon_start = '2026-01-01', phenomenon_end = now();
INSERT INTO sensorthings_featuretally (datastream_id, feature_id, observations)
SELECT id, %(feature)s, %(total)s FROM sensorthings_datastream;
"""
FILL_WITHIN_S = 150.0


def counts() -> list[Result]:
    """Measure the newest Observation of each of 100,000 Datastreams, page by page, and counts over as many rows as fit."""
    with _ours() as city:
        thing = city.call("POST", "Things", {"name": "t", "description": "d"})["@iot.id"]
        sensor = city.call("POST", "Sensors", _sensor())["@iot.id"]
        seen = city.call("POST", "ObservedProperties", _property())["@iot.id"]
        feature = city.call("POST", "FeaturesOfInterest", {"name": "f", "description": "d", "encodingType": "t", "feature": {}})
        with psycopg.connect(city.database_url, autocommit=True) as conn:
            given = {"thing": thing, "sensor": sensor, "property": seen, "streams": DATASTREAMS, "feature": feature["@iot.id"]}
            conn.execute("SET synchronous_commit = off")
            for statement in FILL.split(";\n"):
                if statement.strip():
                    conn.execute(statement, given)
            begun, each, turn = time.monotonic(), 20, 0
            while time.monotonic() < begun + FILL_WITHIN_S and turn * each < 1_000:
                conn.execute(ROWS_OF, {**given, "each": each, "turn": turn * each, "base": turn * each * DATASTREAMS})
                turn += 1
            for statement in KEEP.split(";\n"):
                if statement.strip():
                    conn.execute(statement, {**given, "total": turn * each})
            conn.execute("VACUUM ANALYZE sensorthings_observation")
            conn.execute("ANALYZE")
        rows = turn * each * DATASTREAMS
        first = city.call("GET", "Datastreams?$top=1&$select=id")["value"][0]["@iot.id"]
        page = "Datastreams?$select=id&$expand=Observations($top=1;$orderby=phenomenonTime%20desc;$select=result,phenomenonTime)"
        for_all, pages, link = 0.0, [], f"{page}&$top=1000"
        while link:
            asked = time.perf_counter()
            answer = city.call("GET", link)
            pages.append((time.perf_counter() - asked) * 1000)
            for_all += pages[-1]
            link = answer.get("@iot.nextLink", "").rpartition(f"{ROOT}/")[2]
        counted = {
            "all Observations": "Observations?$count=true&$top=0",
            "of one Datastream": f"Datastreams({first})/Observations?$count=true&$top=0",
            "Datastreams": "Datastreams?$count=true&$top=0",
        }
        took = {name: statistics.median(_timed(city, path) for _ in range(5)) for name, path in counted.items()}
    return [
        Result(name="sta-latest", value=statistics.median(pages), unit="ms", target=300,
               compared={"slowest page": f"{max(pages):.0f} ms", f"all {DATASTREAMS:,} in {len(pages)} pages": f"{for_all:.0f} ms"},
               notes=f"A page of 1,000 Datastreams with the newest Observation of each, of {DATASTREAMS:,}; {rows:,} rows."),
        Result(name="sta-counts", value=max(took.values()), unit="ms", target=300,
               compared={name: f"{ms:.1f} ms" for name, ms in took.items()},
               notes=f"The slowest of the counts beside it, median of 5, over {rows:,} Observations: what {FILL_WITHIN_S:.0f} s fill."),
    ]  # fmt: skip


def _timed(city: _Ours, path: str) -> float:
    begun = time.perf_counter()
    city.call("GET", path)
    return (time.perf_counter() - begun) * 1000


def _median(measure: Callable[[], Report]) -> float:
    return statistics.median(measure().a_second for _ in range(ROUNDS))


def _part(peer: Mapping[str, str], name: str) -> dict[str, str]:
    return {"django-ogc-sensorthings": peer[name]} if name in peer else dict(peer)


def _sensor() -> dict[str, Any]:
    return {"name": "s", "description": "d", "encodingType": "application/pdf", "metadata": "https://example.org/s.pdf"}


def _property() -> dict[str, Any]:
    return {"name": "p", "description": "d", "definition": "https://example.org/p"}


# --- peers ----------------------------------------------------------------------------------------------------------------

SETTINGS = """
from pathlib import Path
import uuid
SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "sensorthings.versions.v1_1",
    "sensorthings.versions.v1_1.backends.django", "sensorthings.versions.v1_1.extensions.dataarray",
]
SENSORTHINGS_V1_1_SERVICE_URL = "http://127.0.0.1:PORT/sensorthings"
SENSORTHINGS_V1_1_BACKEND_ADAPTER = "sensorthings.versions.v1_1.backends.django.adapter.DjangoBackendAdapter"
SENSORTHINGS_V1_1_ID_TYPE = uuid.UUID
SENSORTHINGS_V1_1_ID_DELIMITER = "'"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path(__file__).parent / "db.sqlite3")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "peer_urls"
ASGI_APPLICATION = "peer_asgi.application"
"""
URLS = (
    'from django.urls import include, path\nurlpatterns = [path("sensorthings/", include("sensorthings.versions.v1_1.urls"))]\n'
)
ASGI = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"


def _peer_figures() -> dict[str, str]:
    """Return what django-ogc-sensorthings takes, with SQLite as it comes; a sentence when it cannot be run here."""
    try:
        with tempfile.TemporaryDirectory(prefix="chengyun-peer-") as folder, _peer(Path(folder)) as port:
            return _measure_peer(port)
    except (OSError, subprocess.SubprocessError, Unavailable, KeyError, ValueError) as wrong:
        return {"django-ogc-sensorthings": f"did not run: {str(wrong)[:120]}"}


@contextlib.contextmanager
def _peer(folder: Path) -> Iterator[int]:
    python = PEER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", PEER], check=True, capture_output=True)
        wanted = ["django-ogc-sensorthings==1.2.0", "uvicorn"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True, capture_output=True)
    port = _free_port()
    (folder / "peer_settings.py").write_text(SETTINGS.replace("PORT", str(port)))
    (folder / "peer_urls.py").write_text(URLS)
    (folder / "peer_asgi.py").write_text(ASGI)
    env = {"DJANGO_SETTINGS_MODULE": "peer_settings", "PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    subprocess.run([python, "-m", "django", "migrate"], env=env, cwd=folder, check=True, capture_output=True)
    words = ["peer_asgi:application", "--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--log-level", "error"]
    command = [str(python), "-m", "uvicorn", *words]
    with _running(command, lambda: status(f"http://127.0.0.1:{port}{ROOT}/Things") == 200, env=env, cwd=folder):
        yield port


def _measure_peer(port: int) -> dict[str, str]:
    base = f"http://127.0.0.1:{port}{ROOT}"

    def make(collection: str, body: Any) -> str:
        request = urllib.request.Request(f"{base}/{collection}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  our own address
            return str(answer.headers["location"]).rpartition("(")[2].rstrip(")").strip("'")

    sensor, seen = make("Sensors", _sensor()), make("ObservedProperties", _property())
    feature = make("FeaturesOfInterest", {"name": "f", "description": "d", "encodingType": "application/geo+json",
                                          "feature": {"type": "Point", "coordinates": [121.5, 29.9]}})  # fmt: skip
    thing = make("Things", {"name": "t", "description": "d", "properties": {}})
    unit = {"name": "u", "symbol": "u", "definition": "https://example.org/u"}
    stream = make("Datastreams", {
        "name": "d", "description": "d", "unitOfMeasurement": unit, "Thing": {"@iot.id": thing}, "Sensor": {"@iot.id": sensor},
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "ObservedProperty": {"@iot.id": seen},
    })  # fmt: skip
    linked = {"Datastream": {"@iot.id": stream}, "FeatureOfInterest": {"@iot.id": feature}}
    times = [(START + dt.timedelta(seconds=second)).isoformat().replace("+00:00", "Z") for second in range(ROWS)]
    single = json.dumps({"phenomenonTime": times[0], "resultTime": times[0], "result": 1.5, **linked})
    rows = [[time, time, position * 0.5, feature] for position, time in enumerate(times)]
    components = ["phenomenonTime", "resultTime", "result", "FeatureOfInterest/id"]
    array = json.dumps([{"Datastream": {"@iot.id": stream}, "components": components, "dataArray": rows}])
    inner = "Observations($top=5;$orderby=phenomenonTime%20desc)"
    figures: dict[str, str] = {}
    for name, unit_of, orders in (
        ("single", "req/s", {"method": "POST", "paths": [f"{ROOT}/Observations"], "bodies": [single], "connections": 8}),
        ("arrays", "obs/s", {"method": "POST", "paths": [f"{ROOT}/CreateObservations"], "bodies": [array], "connections": 2,
                             "rows": ROWS}),
        ("reads", "req/s", {"method": "GET", "paths": [f"{ROOT}/Datastreams('{stream}')/Observations?$top=100"], "connections": 4}),
        ("expands", "req/s", {"method": "GET", "paths": [f"{ROOT}/Things?$top=10&$expand=Datastreams($expand={inner})"],
                              "connections": 4}),
    ):  # fmt: skip
        try:
            report = _run(Orders(port=port, seconds=SPAN_S, **orders))
            figures[name] = f"{report.a_second:,.0f} {unit_of} (SQLite with its own defaults)"
        except (Unavailable, subprocess.SubprocessError) as wrong:
            figures[name] = f"failed: {str(wrong)[-120:]}"
    return figures


def _influx() -> dict[str, str]:
    program = shutil.which("influxd")
    if program is None:
        return {"InfluxDB": "not installed"}
    with tempfile.TemporaryDirectory(prefix="chengyun-influx-") as folder:
        port, rpc = _free_port(), _free_port()
        config = Path(folder) / "influx.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n[meta]\ndir = "{folder}/meta"\n[data]\n'
            f'dir = "{folder}/data"\nwal-dir = "{folder}/wal"\n[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
        )
        with _running([program, "-config", str(config)], lambda: status(f"http://127.0.0.1:{port}/ping") in (200, 204)):
            query = f"http://127.0.0.1:{port}/query?q=CREATE%20DATABASE%20b"
            urllib.request.urlopen(urllib.request.Request(query, method="POST"), timeout=20).close()
            taken = _lines(port, "/write?db=b&precision=s")
    return {"InfluxDB": f"{taken:,.0f} points/s (WAL written and synced before each answer)"}


def _victoria() -> dict[str, str]:
    program = shutil.which("victoria-metrics")
    if program is None:
        return {"VictoriaMetrics": "not installed"}
    with tempfile.TemporaryDirectory(prefix="chengyun-victoria-") as folder:
        port = _free_port()
        options = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
        with _running([program, *options], lambda: status(f"http://127.0.0.1:{port}/health") == 200):
            taken = _lines(port, "/write?precision=s")
    return {"VictoriaMetrics": f"{taken:,.0f} points/s (answered from memory, lost if killed within seconds)"}


def _lines(port: int, path: str) -> float:
    """Return the points a second taken as line protocol, in bodies as large as our data arrays."""
    begun = int(START.timestamp())
    bodies = [
        "\n".join(
            f"o,d={turn * 10 + one} v={row * 0.1:.2f} {begun + turn * 86400 + row}" for one in range(10) for row in range(ROWS)
        )
        for turn in range(8)
    ]
    orders = Orders(
        port=port, method="POST", paths=[path], bodies=bodies, content_type="text/plain", connections=3, seconds=SPAN_S,
        rows=10 * ROWS,
    )  # fmt: skip
    return _median(lambda: _run(orders))


@contextlib.contextmanager
def _running(command: Sequence[str], ready: Callable[[], bool], **given: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given)
    try:
        wait_for(lambda: process.poll() is not None or ready(), 30, f"{Path(command[0]).name} did not answer")
        if process.poll() is not None:
            raise Unavailable(f"{Path(command[0]).name} ended with code {process.returncode}.")
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


BENCHES: Mapping[str, Bench] = {"sensorthings": sensorthings, "counts": counts}
