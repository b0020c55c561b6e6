# SPDX-License-Identifier: Apache-2.0
"""Requests in a process of their own: `python -m chengyun.protocols.sensorthings.sender`, its orders as JSON on stdin.

Lean on purpose, because it shares the machine with what it measures: raw sockets, and bodies made before the clock starts.
The last line it prints is a Report.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import msgspec
import uvloop

__all__ = ["Orders", "Report"]


class Orders(msgspec.Struct, kw_only=True):
    """What to send. paths: asked for in turn; bodies: sent in turn, none for a GET. rows: that one answer stands for."""

    port: int
    method: str
    paths: list[str]
    bodies: list[str] = []
    token: str = ""
    content_type: str = "application/json"
    connections: int
    seconds: float
    rows: int = 1


class Report(msgspec.Struct, kw_only=True):
    """What came back. latencies_ms: of answered requests, rising. size: bytes of the last answer."""

    rows: int = 0
    requests: int = 0
    failures: int = 0
    first_failure: str = ""
    seconds: float = 0.0
    latencies_ms: list[float] = []
    size: int = 0

    @property
    def a_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0

    def latency(self, share: float) -> float:
        """Return the latency that this share of requests stayed within, in ms; 0 without any."""
        held = self.latencies_ms
        return held[min(int(len(held) * share), len(held) - 1)] if held else 0.0


class _Connection(asyncio.Protocol):
    """One keep-alive connection; `ask` sends a request and returns status and size when the answer is whole."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._left = -1
        self._head = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._left < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = bytes(self._received[:end]).lower()
            del self._received[: end + 4]
            found = self._head.partition(b"content-length:")[2]
            # 204, which has no body, and chunked answers of peers, which end with an empty chunk.
            self._left = int(found.split(b"\r\n")[0]) if found else 0 if b"chunked" not in self._head else sys.maxsize
        whole = len(self._received) >= self._left
        if self._left == sys.maxsize:
            whole = self._received.endswith(b"0\r\n\r\n")
        if whole and self._answer is not None:
            status, body = int(self._head[9:12]), bytes(self._received)
            self._received.clear()
            self._left = -1
            self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(str(exc or "the connection was closed")))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        if self._transport.is_closing():
            raise ConnectionError("the connection was closed after an answer")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


def _requests(orders: Orders) -> list[bytes]:
    token = f"Authorization: Bearer {orders.token}\r\n" if orders.token else ""
    bodies = [body.encode() for body in orders.bodies] or [b""]
    count = max(len(orders.paths), len(bodies))
    return [
        (
            f"{orders.method} {orders.paths[number % len(orders.paths)]} HTTP/1.1\r\nHost: 127.0.0.1\r\n{token}"
            f"Content-Type: {orders.content_type}\r\nContent-Length: {len(bodies[number % len(bodies)])}\r\n\r\n"
        ).encode() + bodies[number % len(bodies)]
        for number in range(count)
    ]  # fmt: skip


async def send(orders: Orders) -> Report:
    """Send for the given time; return what came of it."""
    report = Report()
    requests = _requests(orders)
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    end = begun + orders.seconds

    async def one(number: int) -> None:
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", orders.port)
        turn = number * len(requests) // orders.connections
        while time.perf_counter() < end:
            asked = time.perf_counter()
            report.requests += 1
            try:
                status, answer = await connection.ask(requests[turn % len(requests)])
            except ConnectionError as wrong:
                report.failures += 1
                report.first_failure = report.first_failure or str(wrong)
                _, connection = await loop.create_connection(_Connection, "127.0.0.1", orders.port)
                continue
            turn += 1
            report.size = len(answer)
            if 200 <= status < 300:
                report.rows += orders.rows
                report.latencies_ms.append((time.perf_counter() - asked) * 1000)
            else:
                report.failures += 1
                report.first_failure = report.first_failure or f"{status} {answer[:300]!r}"

    async with asyncio.TaskGroup() as group:
        for number in range(orders.connections):
            group.create_task(one(number))
    report.seconds = time.perf_counter() - begun
    report.latencies_ms.sort()
    return report


if __name__ == "__main__":
    done = uvloop.run(send(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)))
    print(msgspec.json.encode(done).decode())
