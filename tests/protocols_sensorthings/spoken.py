# SPDX-License-Identifier: Apache-2.0
"""The protocols process on a database of its own, spoken to by HTTP; beside it the stream process's application, for readings."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import psycopg
import uvloop

from chengyun.access import tokens
from chengyun.bench.place import status, wait_for
from chengyun.collect.asgi import App as StreamApp
from chengyun.config import config
from chengyun.run.process import dies_with_parent

T = TypeVar("T")
ROOT = "/sensorthings/v1.1"
POINT = {"type": "Point", "coordinates": [121.55, 29.87]}
_numbers = itertools.count(1)


class Spoken:
    """Both. Every test makes entities of its own and asks about those, so tests do not meet."""

    def __init__(self, url: str, more: dict[str, str] | None = None) -> None:
        self.url, self._more = url, more or {}
        settings = dataclasses.replace(config(), database_url=url)
        self.stream = StreamApp(lambda: settings)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self.stream.start())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.client = httpx.Client(timeout=60)
        self._process = self._start()
        self.token = self.issue("read", "ingest:sensorthings")

    def close(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(20)
        self.run(self.stream.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}{ROOT}"

    def restart(self) -> None:
        """Kill the process without a word and start it again."""
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True).stdout.split()
        for pid in [*map(int, children), self._process.pid]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        env = os.environ | {"CHENGYUN_DATABASE_URL": self.url, "CHENGYUN_PROTOCOLS_PORT": str(self.port), **self._more}
        process = subprocess.Popen(
            [sys.executable, "-m", "chengyun.run.serve", "protocols"], env=env, preexec_fn=dies_with_parent(signal.SIGTERM)
        )
        health = f"http://127.0.0.1:{self.port}/health"
        wait_for(lambda: process.poll() is not None or status(health, 1.0) == 200, 40, "the protocols process did not answer")
        return process

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as conn:
            cursor = conn.execute(query, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def issue(self, *scopes: str) -> str:
        raw, prefix = tokens.new_token()
        self.rows(
            "INSERT INTO access_token (prefix, digest, name, scopes, created_at) VALUES (%s, %s, 'test', %s, now())",
            prefix, tokens.digest(raw), list(scopes),
        )  # fmt: skip
        return raw

    # --- requests ---------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> httpx.Response:
        """Send a request below the API's root; token "" is none."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = self.token if token is None else token
        if shown:
            sent["authorization"] = f"Bearer {shown}"
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        address = path if path.startswith("http") else f"{self.root}/{path}".rstrip("/")
        return self.client.request(method, address, content=content, headers=sent)

    def get(self, path: str, **given: Any) -> Any:
        answer = self.ask("GET", path, **given)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def values(self, path: str) -> list[Any]:
        return list(self.get(path)["value"])

    def make(self, collection: str, body: Any) -> int:
        """Make an entity; return its id."""
        answer = self.ask("POST", collection, body)
        assert answer.status_code == 201, f"{collection}: {answer.status_code} {answer.text[:300]}"
        return int(answer.headers["location"].rpartition("(")[2].rstrip(")"))

    def ingest(self, stream: str, body: Any) -> None:
        """Send readings of the city's own through the front door."""
        sent = {"authorization": f"Bearer {self.issue('ingest:*')}"}
        answer = self.run(self._post(f"http://city/ingest/{stream}", json.dumps(body).encode(), sent))
        assert answer.status_code == 200, answer.text
        assert not answer.json()["dead"], answer.text

    async def _post(self, url: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self.stream)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(url, content=content, headers=headers)

    # --- entities ---------------------------------------------------------------------------------------------------

    def thing(self, **more: Any) -> int:
        """Make a Thing with a Location and a Datastream, under a name of its own."""
        tag = f"T{next(_numbers)}"
        return self.make(
            "Things", {"name": tag, "description": "d", "Locations": [location()], "Datastreams": [datastream()], **more}
        )

    def datastream(self, **more: Any) -> int:
        """Make a Datastream with all it needs; return its id."""
        found = self.values(f"Things({self.thing(**more)})/Datastreams?$select=id")
        return int(found[0]["@iot.id"])

    def observe(self, datastream: int, result: Any, time: str = "2026-01-01T00:00:00Z", **more: Any) -> int:
        return self.make(
            "Observations", {"phenomenonTime": time, "result": result, "Datastream": {"@iot.id": datastream}, **more}
        )


def location(geometry: Any = None) -> dict[str, Any]:
    return {"name": "l", "description": "d", "encodingType": "application/geo+json", "location": geometry or POINT}


def datastream(**more: Any) -> dict[str, Any]:
    return {
        "name": "pm", "description": "d", "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": "microgram", "symbol": "µg/m³", "definition": "ucum:ug/m3"},
        "Sensor": {"name": "s", "description": "d", "encodingType": "text/html", "metadata": "m"},
        "ObservedProperty": {"name": "p", "description": "d", "definition": "urn:pm"},
        **more,
    }  # fmt: skip
