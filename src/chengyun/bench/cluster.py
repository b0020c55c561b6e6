# SPDX-License-Identifier: Apache-2.0
"""Three NATS nodes with JetStream on this machine, front ends and collectors, each a process that can be killed."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from chengyun.bench.place import Place, free_ports, wait_for
from chengyun.run.process import dies_with_parent

__all__ = ["Cluster", "HourSender", "Program"]

CONFIG = """
server_name: n{number}
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
jetstream {{ store_dir: "{store}", max_memory_store: 64MB, max_file_store: 4GB }}
cluster {{ name: city, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""


class Program:
    """A process started again on demand. ready: address that answers 200 once it works; "": running is enough."""

    def __init__(self, words: list[str], env: dict[str, str], log: Path, ready: str = "") -> None:
        self.words, self.env, self.log, self.ready = words, env, log, ready
        self.process: subprocess.Popen[bytes] | None = None
        self.lives = 0

    def start(self, wait_s: float = 30.0) -> None:
        self.lives += 1
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                self.words, env=self.env, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                preexec_fn=dies_with_parent(signal.SIGKILL),
            )  # fmt: skip
        if self.ready and wait_s:
            wait_for(self.answers, wait_s, f"{self.words[:3]} did not answer: {self.log.read_text()[-500:]}")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.ready, timeout=2) as answer:  # noqa: S310  our own address
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


class Cluster:
    """nodes, fronts, collectors, rules: Programs. rules: how many judge rules, where the place has them judged apart."""

    def __init__(self, folder: Path, place: Place, fronts: int = 2, collectors: int = 2, rules: int = 0) -> None:
        ports = free_ports(9)
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports[3:6])
        self.nodes = []
        for number in range(3):
            file = folder / f"n{number}.conf"
            store = folder / f"n{number}"
            given = {"port": ports[number], "route": ports[3 + number], "monitor": ports[6 + number], "routes": routes}
            file.write_text(CONFIG.format(number=number, store=store, **given))
            # js-server-only: the node itself; the queue as a whole may be electing a leader.
            ready = f"http://127.0.0.1:{ports[6 + number]}/healthz?js-server-only=true"
            self.nodes.append(Program(["nats-server", "-c", str(file)], place.env, folder / f"n{number}.log", ready))
        urls = ",".join(f"nats://127.0.0.1:{port}" for port in ports[:3])
        env = {**place.env, "CHENGYUN_NATS_URL": urls, "CHENGYUN_NATS_GB": "1"}
        self.env = env
        run = [sys.executable, "-m", "chengyun.cli"]
        self.fronts = []
        for number, port in enumerate(free_ports(fronts)):
            words = [*run, "front", "--port", str(port)]
            self.fronts.append(Program(words, env, folder / f"front{number}.log", f"http://127.0.0.1:{port}/health"))
        self.collectors = [
            Program([*run, "collector"], env, folder / f"collector{number}.log") for number in range(collectors)
        ]  # fmt: skip
        self.rules = [Program([*run, "rules"], env, folder / f"rules{number}.log") for number in range(rules)]

    @property
    def all(self) -> list[Program]:
        return [*self.nodes, *self.fronts, *self.collectors, *self.rules]

    @contextlib.contextmanager
    def running(self) -> Iterator[Cluster]:
        try:
            for node in self.nodes:
                node.start(0)
            for node in self.nodes:
                wait_for(node.answers, 30, "A node did not answer")
            for front in self.fronts:
                front.start()
            for program in (*self.collectors, *self.rules):
                program.start()
            yield self
        finally:
            for program in reversed(self.all):
                if program.process is not None:
                    program.process.kill()
                    program.process.wait(10)


HOUR_MS = 3_600_000
STREAM = "air_quality.station_hour"
PATIENCE_S = 80.0


class HourSender:
    """Sends hour after hour of some stations, and with each the hour before it again with other values; ends on an answer.

    address: called before each attempt, the ingest address to try. base: number of the first body, and of its key.
    held: (station, hour) → the value acknowledged last. rows: acknowledged in all.
    """

    def __init__(self, address: Callable[[], str], token: str, stations: Sequence[str], base: int = 0) -> None:
        self._address, self._token, self._stations, self._base = address, token, stations, base
        self._now = int(time.time() * 1000) // HOUR_MS * HOUR_MS
        self.held: dict[tuple[str, int], float] = {}
        self.sent = self.retries = self.rows = 0
        self.refused: list[str] = []
        self._stop = threading.Event()
        self._patience_until = 0.0

    @contextlib.contextmanager
    def sending(self) -> Iterator[HourSender]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            # The last body is sent until it is answered, within reason: an installation that is gone must not hold us.
            self._patience_until = time.monotonic() + PATIENCE_S
            self._stop.set()
            thread.join(PATIENCE_S + 10)

    def _run(self) -> None:
        number = self._base
        while not self._stop.is_set():
            hours = [self._now - (number % 200) * HOUR_MS, self._now - ((number - 1) % 200) * HOUR_MS]
            rows = [
                (station, hour, number % 900 + place / 100) for place, station in enumerate(self._stations) for hour in set(hours)
            ]
            body = json.dumps({"columns": ["station", "hour_start", "pm25"], "rows": rows}).encode()
            while not self._send(body, f"hours-{self._stations[0]}-{number}"):
                if self._stop.is_set() and time.monotonic() > self._patience_until:
                    return
                self.retries += 1
                time.sleep(0.05)
            self.held |= {(station, hour): value for station, hour, value in rows}
            self.sent += 1
            self.rows += len(rows)
            number += 1
            time.sleep(0.02)

    def _send(self, body: bytes, key: str) -> bool:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            asked = urllib.request.Request(f"{self._address()}/ingest/{STREAM}", body, headers)  # noqa: S310  our own address
            with urllib.request.urlopen(asked, timeout=8) as answer:  # noqa: S310
                return bool(json.load(answer)["dead"] == [])
        except urllib.error.HTTPError as answer:
            if answer.code < 500:
                self.refused.append(answer.read().decode())
            return False
        except (OSError, ValueError, http.client.HTTPException):
            return False
