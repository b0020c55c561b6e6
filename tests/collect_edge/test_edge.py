# SPDX-License-Identifier: Apache-2.0
"""The agent beside the devices: whatever is killed, torn or away, what it acknowledged arrives, once and in order."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengyun.bench.place import Place, wait_for
from chengyun.collect.edge.store import Store
from chengyun.errors import Unavailable

STREAM = "air_quality.station_5min"


def bodies(store: Store) -> list[str]:
    return [record.body.decode() for record in store.read(10**9)]


def fill(store: Store, count: int, size: int = 10) -> None:
    for number in range(count):
        store.append(STREAM, f"{number:0{size}d}".encode())
    store.sync()


def test_what_was_synced_is_there_again_and_a_torn_end_is_cut(tmp_path: Path) -> None:
    store = Store(tmp_path, most=10**8)
    fill(store, 5)
    [segment] = tmp_path.glob("*.log")
    whole = segment.read_bytes()
    store.close()
    for number, torn in enumerate([whole + b"\x00\x00\x00\x30half", whole[:-3], whole[:-1] + b"X"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / segment.name).write_bytes(torn)
        again = Store(folder, most=10**8)
        kept = 5 if torn.startswith(whole) else 4
        assert [int(body) for body in bodies(again)] == list(range(kept))
        assert again.append(STREAM, b"next") == kept + 1
        again.close()


def test_forwarded_segments_are_removed_and_numbers_are_never_used_again(tmp_path: Path) -> None:
    store = Store(tmp_path, most=10**8, segment=200)
    fill(store, 50)
    assert len(list(tmp_path.glob("*.log"))) > 5
    store.forward(50)
    assert len(list(tmp_path.glob("*.log"))) == 1
    store.close()
    again = Store(tmp_path, most=10**8, segment=200)
    assert (bodies(again), again.append(STREAM, b"x")) == ([], 51)
    again.close()
    (tmp_path / "cursor").write_text("50 1")
    damaged = Store(tmp_path, most=10**8, segment=200)
    assert damaged.forwarded == 0
    assert damaged.next == 52
    damaged.close()


def test_a_full_store_refuses_or_gives_up_the_oldest_as_declared(tmp_path: Path) -> None:
    refusing = Store(tmp_path / "refuse", most=1000, segment=200)
    with pytest.raises(Unavailable):
        fill(refusing, 100)
    assert [int(body) for body in bodies(refusing)][:3] == [0, 1, 2]
    refusing.close()
    dropping = Store(tmp_path / "drop", most=1000, policy="drop-oldest", segment=200)
    fill(dropping, 100)
    kept = [int(body) for body in bodies(dropping)]
    assert kept == list(range(100 - len(kept), 100))
    assert dropping.dropped == 100 - len(kept) > 0
    assert dropping.waiting == len(kept)
    dropping.close()


class _City(http.server.BaseHTTPRequestHandler):
    """A city that is away at times, loses answers at times, and remembers keys as the real one does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: CityServer = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.asked += 1
        if server.away or server.asked % 31 == 3:
            self._say(503)
            return
        if b"never" in body:
            self._say(422)
            return
        server.kept.setdefault(self.headers["Idempotency-Key"], (self.path, body))
        if server.asked % 23 == 5:
            self.connection.shutdown(socket.SHUT_RDWR)  # durable, and the answer is lost
            self.close_connection = True
            return
        self._say(200)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):  # the agent was killed in the middle
            super().handle_one_request()

    def log_message(self, *_: object) -> None:
        pass


class CityServer(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _City)
        self.away, self.asked, self.kept = True, 0, dict[str, tuple[str, bytes]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def city() -> Iterator[CityServer]:
    server = CityServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


class Edge:
    """`chengyun edge` as a process that may be killed and started again in the same folder."""

    def __init__(self, folder: Path, url: str, *more: str, token: str = "t") -> None:
        self.folder, self.command = (
            folder,
            [sys.executable, "-m", "chengyun.cli", "edge", url, "--port", "0", "--folder", str(folder)],
        )
        self.command += more
        self.env = {**os.environ, "CHENGYUN_EDGE_TOKEN": token}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        found = re.search(r":(\d+)$", self.process.stdout.readline().strip())
        assert found, "the agent did not start"
        self.port = int(found[1])

    def kill(self, sig: int = signal.SIGKILL) -> None:
        self.process.send_signal(sig)
        self.process.wait(10)

    def post(self, body: object) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", f"/ingest/{STREAM}", json.dumps(body))
        status = connection.getresponse().status
        connection.close()
        return status

    def health(self) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/health")
        return json.loads(connection.getresponse().read())


@pytest.mark.fault
def test_killed_at_any_moment_everything_acknowledged_arrives_once_and_in_order(tmp_path: Path, city: CityServer) -> None:
    edge = Edge(tmp_path, city.url)
    acknowledged: list[int] = []
    number = 0
    for round_ in range(4):
        stop = threading.Timer(0.25, edge.process.kill)
        stop.start()
        while True:
            try:
                status = edge.post({"n": number})
            except (OSError, http.client.HTTPException):
                number += 1
                break
            assert status == 200
            acknowledged.append(number)
            number += 1
        edge.process.wait(10)
        city.away = round_ < 1
        edge.start()
    assert edge.post({"n": "never"}) == 200
    wait_for(lambda: edge.health()["waiting"] == 0, 60, "not everything was forwarded")
    arrived = [json.loads(body)["n"] for _, body in city.kept.values()]
    assert set(acknowledged) <= set(arrived)
    assert arrived == sorted(set(arrived))
    assert {path for path, _ in city.kept.values()} == {f"/ingest/{STREAM}"}
    assert "never" in (tmp_path / "refused.jsonl").read_text()
    edge.kill(signal.SIGTERM)
    assert edge.process.returncode == 0


def test_only_one_agent_works_in_a_folder_and_wrong_requests_are_told_so(tmp_path: Path, city: CityServer) -> None:
    edge = Edge(tmp_path, city.url)
    second = subprocess.run(edge.command, env=edge.env, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert "Another edge agent" in second.stderr
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=10)
    for path, body, status in (("/ingest/nothing", "{}", 404), (f"/ingest/{STREAM}", "{no", 400), ("/", "", 404)):
        connection.request("POST", path, body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    edge.kill(signal.SIGTERM)


def test_the_city_itself_takes_what_waited(tmp_path: Path, running: Place) -> None:
    begin = (int(time.time()) - 86400) // 300 * 300
    running.django(
        "from chengyun.city import Registered\nfrom chengyun.collect.registering import register\n"
        "from django.conf import settings\n"
        "register(settings.CITY, 'air_quality', [Registered('station', 'EDGE-1', {'area_code': '330203'})])"
    )
    edge = Edge(tmp_path, "http://127.0.0.1:9")
    for number in range(50):
        assert edge.post({"station": "EDGE-1", "start": (begin + number * 300) * 1000, "pm25": number}) == 200
    assert edge.health()["waiting"] == 50
    edge.kill()
    edge = Edge(tmp_path, running.stream_url, token=running.token("ingest:*"))
    wait_for(lambda: edge.health()["waiting"] == 0, 30, "not everything was forwarded")
    assert edge.health()["refused"] == 0
    edge.kill(signal.SIGTERM)
    newest = running.django(
        "from django.db import connection\nc = connection.cursor()\n"
        'c.execute("SELECT pm25 FROM lake.latest_air_quality_station_5min l JOIN air_quality_station s ON s.id = entity_id'
        " WHERE s.key = 'EDGE-1'\")\nprint(c.fetchone()[0])"
    )
    assert float(newest) == 49
