# SPDX-License-Identifier: Apache-2.0
"""Senders of observations in a process of their own: `python -m chengyun.bench.sender`, its orders as JSON on stdin.

Lean on purpose, because it shares the machine with what it measures: raw sockets, and bodies put together from parts
made before the clock starts. Every connection has stations of its own and sends their next moment in each batch, so every
row is news. The last line it prints is a Report.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from typing import cast

import msgspec
import uvloop

__all__ = ["Orders", "Report"]

DAY_MS = 86_400_000
VARIANTS = 16
"""Different sets of values a connection alternates between."""


class Orders(msgspec.Struct, kw_only=True):
    """What to send.

    stations: keys, dealt out to the connections. quantities: name → (lowest, highest) value sent, with decimals.
    shared: every connection speaks for all stations, each of days of its own, instead of for stations of its own.
    rows: of one batch. rate: rows a second of all connections together; None: as fast as answers come.
    """

    port: int
    token: str
    stream: str
    entity: str
    time: str
    stations: list[str]
    quantities: dict[str, tuple[float, float]]
    connections: int
    rows: int
    seconds: float
    start_ms: int
    step_ms: int
    rate: float | None = None
    shared: bool = False


class Report(msgspec.Struct, kw_only=True):
    """What was answered. latencies_ms: of answered requests, rising."""

    rows: int = 0
    requests: int = 0
    failures: int = 0
    first_failure: str = ""
    seconds: float = 0.0
    latencies_ms: list[float] = []

    def latency(self, share: float) -> float:
        """Return the latency that this share of requests stayed within, in ms; 0 without any."""
        return (
            self.latencies_ms[min(int(len(self.latencies_ms) * share), len(self.latencies_ms) - 1)] if self.latencies_ms else 0.0
        )


def bodies(orders: Orders, stations: list[str], chance: random.Random, start_ms: int) -> Iterator[bytes]:
    """Yield bodies in array form: batch after batch of the stations, then their next moment."""
    batches = [stations[at : at + orders.rows] for at in range(0, len(stations), orders.rows)]
    made = []
    for batch in batches:
        names = ",".join(f'"{name}"' for name in batch)
        head = f'{{"columns":{{"{orders.entity}":[{names}],"{orders.time}":['.encode()
        tails = []
        for _ in range(VARIANTS):
            columns = "".join(
                f',"{key}":[{",".join(f"{chance.uniform(low, high):.1f}" for _ in batch)}]'
                for key, (low, high) in orders.quantities.items()
            )
            tails.append(f"]{columns}}}}}".encode())
        made.append((head, tails, len(batch)))
    moment = start_ms
    turn = 0
    while True:
        for head, tails, count in made:
            yield head + (b",%d" % moment * count)[1:] + tails[turn % VARIANTS]
        moment += orders.step_ms
        turn += 1


class _Connection(asyncio.Protocol):
    """One keep-alive connection; `ask` sends a request and returns when its answer is whole."""

    def __init__(self) -> None:
        self._received = b""
        self._whole = -1
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._whole < 0:
            head, gap, _ = self._received.partition(b"\r\n\r\n")
            if not gap:
                return
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self._whole = len(head) + 4 + int(length.split(b":")[1])
        if len(self._received) >= self._whole and self._answer is not None:
            status, body = int(self._received[9:12]), self._received.partition(b"\r\n\r\n")[2]
            self._received, self._whole = b"", -1
            self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(str(exc or "the connection was closed")))

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        if self._transport.is_closing():
            raise ConnectionError("the connection was closed after an answer")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines([head % len(body), body])
        return await self._answer


async def send(orders: Orders) -> Report:
    """Send for the given time; return what came of it."""
    report = Report()
    loop = asyncio.get_running_loop()
    chance = random.Random(1)  # noqa: S311  values, not secrets
    head = (
        f"POST /ingest/{orders.stream} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {orders.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    ).encode()
    numbers = range(orders.connections)
    shares = [orders.stations if orders.shared else orders.stations[number :: orders.connections] for number in numbers]
    starts = [orders.start_ms - (number * DAY_MS if orders.shared else 0) for number in numbers]
    sources = [bodies(orders, share, chance, start) for share, start in zip(shares, starts, strict=True)]
    for source in sources:
        next(source)  # makes the parts, before the clock starts
    begun = time.perf_counter()
    end = begun + orders.seconds
    pause = orders.rows * orders.connections / orders.rate if orders.rate else 0.0

    async def one(number: int) -> None:
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", orders.port)
        rows = min(orders.rows, len(shares[number]))
        due = begun + pause * number / orders.connections
        while (now := time.perf_counter()) < end:
            if due > now:
                await asyncio.sleep(due - now)
            body = next(sources[number])
            asked = time.perf_counter()
            status, answer = await connection.ask(head, body)
            report.requests += 1
            if status == 200:
                report.rows += rows
                report.latencies_ms.append((time.perf_counter() - asked) * 1000)
            else:
                report.failures += 1
                report.first_failure = report.first_failure or f"{status} {answer[:300]!r}"
            due += pause

    async with asyncio.TaskGroup() as group:
        for number in range(orders.connections):
            group.create_task(one(number))
    report.seconds = time.perf_counter() - begun
    report.latencies_ms.sort()
    return report


if __name__ == "__main__":
    done = uvloop.run(send(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)))
    print(msgspec.json.encode(done).decode())
