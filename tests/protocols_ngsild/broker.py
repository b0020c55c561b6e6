# SPDX-License-Identifier: Apache-2.0
"""The protocols process, started, killed and spoken to over HTTP; and an endpoint that keeps what it is told."""

from __future__ import annotations

import http.server
import itertools
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg

from chengyun.access import tokens

_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """One process, one database. Every test takes ids of its own from `name`."""

    def __init__(self, dsn: str, contexts: Path, node: str = "cy-330200") -> None:
        self.dsn, self.contexts, self.node, self.port = dsn, contexts, node, free_port()
        (contexts / "words.jsonld").write_text('{"@context": {"speed": "https://example.org/vocabulary#speed"}}')
        (contexts / "pinned.toml").write_text('"https://example.org/words.jsonld" = "words.jsonld"\n')
        self.token = self.issue("ingest:ngsild", "read")
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=60)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ngsi-ld/v1"

    def start(self) -> None:
        env = os.environ | {
            "CHENGYUN_DATABASE_URL": self.dsn, "CHENGYUN_PROTOCOLS_PORT": str(self.port), "CHENGYUN_NGSILD_HOSTS": "127.0.0.1",
            "CHENGYUN_NGSILD_CONTEXTS": str(self.contexts), "CHENGYUN_NODE": self.node,
        }  # fmt: skip
        self._process = subprocess.Popen([sys.executable, "-m", "chengyun.run.serve", "protocols"], env=env)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None
            try:
                if self._client.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the protocols process did not come up")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def kill(self) -> None:
        """End the process without a word, as a power cut does. Its worker goes with it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise AssertionError("the worker outlived its parent")

    def issue(self, *scopes: str) -> str:
        raw, prefix = tokens.new_token()
        self.rows(
            "INSERT INTO access_token (prefix, digest, name, scopes, created_at) VALUES (%s, %s, 'test', %s, now())",
            prefix, tokens.digest(raw), list(scopes),
        )  # fmt: skip
        return raw

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            cursor = conn.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = "", **headers: str) -> httpx.Response:
        """Send one request. body: bytes as they are, anything else as JSON. token: None sends none."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token or self.token}"
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent.setdefault("content-type", "application/json")
        return self._client.request(method, f"{self.url}{path}", content=content, headers=sent)

    def make(self, kind: str = "Vehicle", **attributes: Any) -> str:
        """Create an entity and return its id."""
        name = f"urn:ngsi-ld:{kind}:{next(_numbers):05d}"
        answer = self.call("POST", "/entities", {"id": name, "type": kind, **attributes})
        assert answer.status_code == 201, answer.text
        return name

    def get(self, path: str, **params: Any) -> Any:
        answer = self._client.get(f"{self.url}{path}", params=params, headers={"authorization": f"Bearer {self.token}"})
        assert answer.status_code == 200, answer.text
        return answer.json()


class Listener:
    """An HTTP endpoint. `next` waits for what it is told; `refuse` makes it answer 500."""

    def __init__(self, port: int = 0) -> None:
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.refusing = False
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if listener.refusing:
                    self.send_response(500)
                else:
                    listener.heard.put(json.loads(body))
                    self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hear"

    def next(self, within_s: float = 20) -> dict[str, Any]:
        return self.heard.get(timeout=within_s)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
