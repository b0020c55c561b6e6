# SPDX-License-Identifier: Apache-2.0
"""What others take in the same run: django-ogc-sensorthings in an environment of its own, InfluxDB, VictoriaMetrics.

Each runs when it is there, the last two as Debian packs them; what did not run is said.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from chengyun.bench.beside import environment, running
from chengyun.bench.place import free_ports, status
from chengyun.errors import Unavailable
from chengyun.protocols.sensorthings.sender import Orders, Report

__all__ = [
    "ROOT",
    "ROUNDS",
    "ROWS",
    "SPAN_S",
    "START",
    "influx",
    "median",
    "observed_property",
    "peer_figures",
    "run",
    "sensor",
    "victoria",
]

ROOT = "/sensorthings/v1.1"
SPAN_S, ROUNDS = 3.0, 3
ROWS = 1_000
"""Observations of one element of a data array; ten elements a body."""
LATE_S = 60.0
"""How long after its end a sender may still wait for answers."""
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


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


def peer_figures() -> dict[str, str]:
    """Return what django-ogc-sensorthings takes, with SQLite as it comes; a sentence when it cannot be run here."""
    try:
        with tempfile.TemporaryDirectory(prefix="chengyun-peer-") as folder, _peer(Path(folder)) as port:
            return _measure_peer(port)
    except (OSError, subprocess.SubprocessError, Unavailable, KeyError, ValueError) as wrong:
        return {"django-ogc-sensorthings": f"did not run: {str(wrong)[:120]}"}


@contextlib.contextmanager
def _peer(folder: Path) -> Iterator[int]:
    python = environment("django-ogc-sensorthings", ("django-ogc-sensorthings==1.2.0", "uvicorn"))
    port = free_ports(1)[0]
    (folder / "peer_settings.py").write_text(SETTINGS.replace("PORT", str(port)))
    (folder / "peer_urls.py").write_text(URLS)
    (folder / "peer_asgi.py").write_text(ASGI)
    env = {"DJANGO_SETTINGS_MODULE": "peer_settings", "PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    subprocess.run([python, "-m", "django", "migrate"], env=env, cwd=folder, check=True, capture_output=True)
    words = ["peer_asgi:application", "--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--log-level", "error"]
    command = [str(python), "-m", "uvicorn", *words]
    with running(command, lambda: status(f"http://127.0.0.1:{port}{ROOT}/Things") == 200, env=env, cwd=folder):
        yield port


def _measure_peer(port: int) -> dict[str, str]:
    base = f"http://127.0.0.1:{port}{ROOT}"

    def make(collection: str, body: Any) -> str:
        request = urllib.request.Request(f"{base}/{collection}", data=json.dumps(body).encode(), method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  our own address
            return str(answer.headers["location"]).rpartition("(")[2].rstrip(")").strip("'")

    device, seen = make("Sensors", sensor()), make("ObservedProperties", observed_property())
    feature = make("FeaturesOfInterest", {"name": "f", "description": "d", "encodingType": "application/geo+json",
                                          "feature": {"type": "Point", "coordinates": [121.5, 29.9]}})  # fmt: skip
    thing = make("Things", {"name": "t", "description": "d", "properties": {}})
    unit = {"name": "u", "symbol": "u", "definition": "https://example.org/u"}
    stream = make("Datastreams", {
        "name": "d", "description": "d", "unitOfMeasurement": unit, "Thing": {"@iot.id": thing}, "Sensor": {"@iot.id": device},
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
    asked: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("single", "req/s", {"method": "POST", "paths": [f"{ROOT}/Observations"], "bodies": [single], "connections": 8}),
        ("arrays", "obs/s", {"method": "POST", "paths": [f"{ROOT}/CreateObservations"], "bodies": [array], "connections": 2,
                             "rows": ROWS}),
        ("reads", "req/s", {"method": "GET", "paths": [f"{ROOT}/Datastreams('{stream}')/Observations?$top=100"],
                              "connections": 4}),
        ("expands", "req/s", {"method": "GET", "paths": [f"{ROOT}/Things?$top=10&$expand=Datastreams($expand={inner})"],
                              "connections": 4}),
    )  # fmt: skip
    for name, unit_of, orders in asked:
        try:
            report = run(Orders(port=port, seconds=SPAN_S, **orders))
            figures[name] = f"{report.a_second:,.0f} {unit_of} (SQLite with its own defaults)"
        except (Unavailable, subprocess.SubprocessError) as wrong:
            figures[name] = f"failed: {str(wrong)[-120:]}"
    return figures


def influx() -> dict[str, str]:
    program = shutil.which("influxd")
    if program is None:
        return {"InfluxDB": "not installed"}
    with tempfile.TemporaryDirectory(prefix="chengyun-influx-") as folder:
        port, rpc = free_ports(2)
        config = Path(folder) / "influx.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{rpc}"\n[meta]\ndir = "{folder}/meta"\n[data]\n'
            f'dir = "{folder}/data"\nwal-dir = "{folder}/wal"\n[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n'
        )
        with running([program, "-config", str(config)], lambda: status(f"http://127.0.0.1:{port}/ping") in (200, 204)):
            query = f"http://127.0.0.1:{port}/query?q=CREATE%20DATABASE%20b"
            urllib.request.urlopen(urllib.request.Request(query, method="POST"), timeout=20).close()
            taken = _lines(port, "/write?db=b&precision=s")
    return {"InfluxDB": f"{taken:,.0f} points/s (WAL written and synced before each answer)"}


def victoria() -> dict[str, str]:
    program = shutil.which("victoria-metrics")
    if program is None:
        return {"VictoriaMetrics": "not installed"}
    with tempfile.TemporaryDirectory(prefix="chengyun-victoria-") as folder:
        port = free_ports(1)[0]
        options = [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
        with running([program, *options], lambda: status(f"http://127.0.0.1:{port}/health") == 200):
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
    return median(lambda: run(orders))


def run(orders: Orders) -> Report:
    done = subprocess.run(
        [sys.executable, "-m", "chengyun.protocols.sensorthings.sender"],
        input=msgspec.json.encode(orders), stdout=subprocess.PIPE, check=True, timeout=orders.seconds + LATE_S,
    )  # fmt: skip
    report = msgspec.json.decode(done.stdout, type=Report)
    if report.failures:
        raise Unavailable(f"{report.failures} of {report.requests} requests failed, the first: {report.first_failure}")
    return report


def median(measure: Callable[[], Report]) -> float:
    return statistics.median(measure().a_second for _ in range(ROUNDS))


def sensor() -> dict[str, Any]:
    return {"name": "s", "description": "d", "encodingType": "application/pdf", "metadata": "https://example.org/s.pdf"}


def observed_property() -> dict[str, Any]:
    return {"name": "p", "description": "d", "definition": "https://example.org/p"}
