# SPDX-License-Identifier: Apache-2.0
"""Mosquitto as a child of the test, its own command-line clients, and a collector on a loop of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import uvloop

from chengyun.bench.place import wait_for
from chengyun.city import load_city
from chengyun.collect.house import House
from chengyun.collect.mqtt.collector import Collector
from chengyun.collect.mqtt.flood import Orders, flood
from chengyun.collect.mqtt.settings import read_broker

PROGRAM = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mosquitto:
    """A broker that keeps its sessions on disk, in a folder of its own."""

    def __init__(self, folder: Path, *, lines: Sequence[str] = ("allow_anonymous true",), listen: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"mqtt://127.0.0.1:{self.port}"
        config = [
            f"listener {self.port} 127.0.0.1", *listen, *lines, "persistence true", f"persistence_location {folder}/",
            "autosave_interval 1", "max_queued_messages 0", "max_inflight_messages 0",
        ]  # fmt: skip
        if os.geteuid() == 0:
            config.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(config) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen([PROGRAM, "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log)
        wait_for(self._answers, 10, f"mosquitto did not start: {(self.folder / 'log').read_text()}")

    def stop(self, sig: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(sig)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def publish(self, topic: str, payload: str | bytes, *more: str, lines: bool = False) -> None:
        """Publish with mosquitto_pub at QoS 1. lines: every line is a message."""
        body = payload.encode() if isinstance(payload, str) else payload
        command = [
            "mosquitto_pub",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-q",
            "1",
            "-t",
            topic,
            "-l" if lines else "-s",
            *more,
        ]
        done = subprocess.run(command, input=body, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()

    def flood(self, messages: Sequence[tuple[str, str]]) -> None:
        """Publish many at QoS 1, in order; return when the broker has acknowledged the last."""
        asyncio.run(flood(Orders(port=self.port, messages=list(messages), connections=1)))


class Collecting:
    """House and Collector as the stream process has them; env: settings beside the broker's address."""

    def __init__(self, url: str, folder: Path, address: str, **env: str) -> None:
        broker = read_broker("330200", {"CHENGYUN_MQTT_URL": address, **env})
        assert broker is not None
        self.broker = broker
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.house = House(load_city(), url, ZoneInfo("Asia/Shanghai"), "secret")
        self._run(self.house.open())
        self.collector: Collector = self._run(self._make(folder))
        self._task = asyncio.run_coroutine_threadsafe(self.collector.run(), self._loop)

    async def _make(self, folder: Path) -> Collector:
        return Collector(self.house, self.broker, folder)

    def __enter__(self) -> Collecting:
        return self

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        with_end = time.monotonic() + 10
        while not self._task.done() and time.monotonic() < with_end:
            time.sleep(0.01)
        self._run(self.house.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    @property
    def counts(self) -> dict[str, int]:
        return self.collector.intake.counts

    @property
    def says(self) -> str:
        return str(self.collector.status()["says"])

    def wait_connected(self) -> None:
        self.wait(lambda: self.says == "connected", "the collector did not connect")

    def wait(self, true: Callable[[], object], otherwise: str, within_s: float = 15.0) -> None:
        wait_for(true, within_s, f"{otherwise}; it says {self.says!r}, {dict(self.counts)}")
