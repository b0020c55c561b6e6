# SPDX-License-Identifier: Apache-2.0
"""What taking in from an MQTT broker costs: a whole installation, a Mosquitto and its publishers on one machine."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg

from chengyun.bench.frame import Bench, Result
from chengyun.bench.place import Place, free_ports, open_place, wait_for
from chengyun.city import Stream, load_city, qualify
from chengyun.collect.mqtt.flood import Orders
from chengyun.errors import Unavailable
from chengyun.lake.tables import StreamTable, stream_table

STATIONS = 2_000
VALUES = 150_000
BATCHES = 12_000
BATCH = 50
NODES = 4

_REGISTER = """
from chengyun.city import Registered
from chengyun.collect.registering import register
from chengyun.collect.things.models import Channel
from django.conf import settings
register(settings.CITY, {pack!r}, [Registered({entity!r}, key, {{"area_code": "330203"}}) for key in {keys!r}])
Channel.objects.create(key="bench_values", pattern="bench/{{{column}}}/{{quantity}}", stream={stream!r}, payload="plain")
Channel.objects.create(key="bench_batch", pattern="bench/batch/+", stream={stream!r}, payload="json")
"""


@dataclass(frozen=True)
class Site:
    """An installation that takes in from a broker."""

    place: Place
    port: int
    table: StreamTable
    stream: Stream
    stations: list[str]

    def stored(self) -> int:
        with psycopg.connect(str(self.place.state()["database_url"])) as conn:
            row = conn.execute("SELECT next_seq - 1 FROM lake_stream WHERE stream = %s", [self.table.qualified]).fetchone()
        return int(row[0]) if row else 0


@contextlib.contextmanager
def open_broker() -> Iterator[int]:
    """Start a Mosquitto that keeps sessions on disk; give its port. Raises Unavailable where it is not installed."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise Unavailable("Mosquitto is not installed; `apt-get install mosquitto mosquitto-clients` brings it.")
    folder = Path(tempfile.mkdtemp(prefix="chengyun-broker-"))
    [port] = free_ports(1)
    user = ["user root"] if os.geteuid() == 0 else []
    lines = [
        f"listener {port} 127.0.0.1", "allow_anonymous true", "persistence true", f"persistence_location {folder}/",
        "max_queued_messages 0", "max_inflight_messages 0", "set_tcp_nodelay true", *user,
    ]  # fmt: skip
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        wait_for(lambda: _answers(port), 10, "Mosquitto did not start")
        yield port
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def open_site() -> Iterator[Site]:
    """Start an installation that simulates nothing and collects from a broker of its own."""
    city = load_city()
    pack = next(pack for pack in city.packs.values() if pack.pack.simulation)
    assert pack.pack.simulation is not None
    qualified = qualify(pack.key, pack.pack.simulation.streams[0])
    table = stream_table(city, qualified)
    keys = [f"B{number:06d}" for number in range(STATIONS)]
    with (
        open_broker() as port,
        open_place(env={"CHENGYUN_DEMO": "0", "CHENGYUN_MQTT_URL": f"mqtt://127.0.0.1:{port}"}) as place,
    ):
        place.django(_REGISTER.format(pack=pack.key, entity=table.entity_key, keys=keys, column=table.entity, stream=qualified))
        site = Site(place, port, table, city.streams[qualified], keys)
        _wait_collecting(site)
        yield site


def mqtt() -> list[Result]:
    """Measure messages made durable: one value each, and batches of 50; beside them what the broker alone passes on."""
    with open_site() as site:
        quantity = site.stream.quantities[-1].key
        chance = random.Random(1)  # noqa: S311  values, not secrets
        values = [
            (f"bench/{site.stations[number % STATIONS]}/{quantity}", f"{chance.uniform(5, 60):.1f}")
            for number in range(VALUES // 5)
        ]
        _rate(site, values, times=1, rows=len(values))
        single = _rate(site, values, times=5, rows=VALUES)
        batches = _batches(site, quantity, chance)
        many = _rate(site, batches, times=1, rows=len(batches) * BATCH)
    with open_broker() as port:
        passed = _pass_through(port, values, 5)
        passed_batches = _pass_through(port, batches, 1)
    return [
        Result(
            name="mqtt", value=single, unit="msg/s", target=12_000, better="higher",
            compared={"Mosquitto to mosquitto_sub >/dev/null": f"{passed:,.0f} msg/s"},
            notes=f"QoS 1, one plain value a message, {VALUES:,} messages from {NODES} publishers over {STATIONS:,} stations; "
            "until the last is committed. Publishers, broker, database and collector share the machine.",
        ),
        Result(
            name="mqtt-batch", value=many, unit="obs/s", target=80_000, better="higher",
            compared={"Mosquitto to mosquitto_sub >/dev/null": f"{passed_batches * BATCH:,.0f} obs/s"},
            notes=f"QoS 1, {BATCH} observations a message in array form, {len(batches):,} messages; until the last is committed.",
        ),
    ]  # fmt: skip


def _batches(site: Site, quantity: str, chance: random.Random) -> list[tuple[str, str]]:
    start = int((dt.datetime.now(dt.UTC) - dt.timedelta(days=3)).timestamp() // 60 * 60_000)
    step = int((site.stream.cadence or dt.timedelta(minutes=1)).total_seconds() * 1000)
    made, groups = [], STATIONS // BATCH
    for number in range(BATCHES):
        at = number % groups * BATCH
        columns = {
            site.table.entity: site.stations[at : at + BATCH],
            site.table.time: [start + number // groups * step] * BATCH,
            quantity: [round(chance.uniform(5, 60), 1) for _ in range(BATCH)],
        }
        made.append((f"bench/batch/{number % groups}", msgspec.json.encode({"columns": columns}).decode()))
    return made


def _rate(site: Site, messages: list[tuple[str, str]], *, times: int, rows: int) -> float:
    before = site.stored()
    begun = time.perf_counter()
    _flood(site.port, messages, times)
    wait_for(lambda: site.stored() >= before + rows, 120, "Not everything that was published is stored")
    took = time.perf_counter() - begun
    if (stored := site.stored() - before) != rows:
        raise Unavailable(f"{rows:,} observations were published and {stored:,} are stored.")
    return rows / took


def _flood(port: int, messages: list[tuple[str, str]], times: int) -> None:
    orders = msgspec.json.encode(Orders(port=port, messages=messages, times=times, connections=NODES))
    subprocess.run([sys.executable, "-m", "chengyun.collect.mqtt.flood"], input=orders, check=True, stdout=subprocess.DEVNULL)


def _pass_through(port: int, messages: list[tuple[str, str]], times: int) -> float:
    """Return messages a second from the same publishers to the C client that comes with the broker and throws all away."""
    count = len(messages) * times
    command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-V", "mqttv5", "-D", "connect", "receive-maximum", "10000",
               "-q", "1", "-t", "bench/#", "-C", str(count)]  # fmt: skip
    subscriber = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(0.5)  # mosquitto_sub says nothing when it has subscribed
    begun = time.perf_counter()
    _flood(port, messages, times)
    if subscriber.wait(120):
        raise Unavailable("mosquitto_sub did not get every message.")
    return count / (time.perf_counter() - begun)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _wait_collecting(site: Site) -> None:
    def connected() -> bool:
        with psycopg.connect(str(site.place.state()["database_url"])) as conn:
            row = conn.execute("SELECT says = 'connected' FROM things_listener").fetchone()
        return bool(row and row[0])

    wait_for(connected, 30, "The collector did not connect to the broker")
    seen = site.stored()
    column = site.stream.quantities[-1].key

    def heard() -> bool:
        _flood(site.port, [(f"bench/{site.stations[0]}/{column}", "10")] * NODES, 1)
        return site.stored() > seen

    wait_for(heard, 30, "The collector did not hear the new patterns")
    time.sleep(1.0)  # the last of them may be under way still


BENCHES: Mapping[str, Bench] = {"mqtt": mqtt}
