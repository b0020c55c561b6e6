# SPDX-License-Identifier: Apache-2.0
"""A burst of reports from a process of its own: `python -m chengyun.cases.intake.burst`, its orders as JSON on stdin.

Lean on purpose, because it shares the machine with what it measures. Reports are due at a rate whether or not earlier ones
are answered; the time of each counts from when it was due. The last line it prints is a Told.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from typing import cast

import msgspec

__all__ = ["Orders", "Told"]

WORDS = ("垃圾成堆没人收", "路灯不亮", "井盖松动有响声", "占道经营", "违规张贴小广告", "树枝折断挡路", "路面破损有坑", "乱倒渣土")
AGAIN = 0.2
"""Share of reports that say what another one said a moment ago, some metres away."""


class Orders(msgspec.Struct, kw_only=True):
    """What to send. rate: reports a second; None: as fast as answers come. again: a report is sent until it is answered 2xx.

    categories: codes to draw from. box: west, south, east, north. run: part of every key, so that runs are told apart.
    """

    port: int
    token: str
    categories: list[str]
    box: tuple[float, float, float, float]
    connections: int
    seconds: float
    rate: float | None = None
    again: bool = False
    run: str = "burst"


class Told(msgspec.Struct, kw_only=True):
    """What was answered. took_ms: from when each was due, rising. keys: of acknowledged reports → the number each was told."""

    sent: int = 0
    filed: int = 0
    joined: int = 0
    failures: int = 0
    first_failure: str = ""
    seconds: float = 0.0
    took_ms: list[float] = []
    numbers: dict[str, str] = {}

    def within(self, share: float) -> float:
        """Return the time that this share of answers came within, in ms; 0 without any."""
        return self.took_ms[min(int(len(self.took_ms) * share), len(self.took_ms) - 1)] if self.took_ms else 0.0


def bodies(orders: Orders, count: int) -> list[bytes]:
    """Return so many reports, some of them about what an earlier one was about."""
    chance = random.Random(orders.run)  # noqa: S311  places, not secrets
    west, south, east, north = orders.box
    made: list[dict[str, object]] = []
    for _ in range(count):
        if made and chance.random() < AGAIN:
            former = made[-chance.randrange(1, min(len(made), 200) + 1)]
            lon, lat = cast("float", former["lon"]), cast("float", former["lat"])
            near = {"lon": round(lon + chance.uniform(-1e-4, 1e-4), 6), "lat": round(lat + chance.uniform(-1e-4, 1e-4), 6)}
            made.append({**former, **near})
        else:
            place = {"lon": round(chance.uniform(west, east), 6), "lat": round(chance.uniform(south, north), 6)}
            made.append({"text": chance.choice(WORDS), "category": chance.choice(orders.categories), **place})
    return [msgspec.json.encode(one) for one in made]


async def ask(
    port: int, head: bytes, body: bytes, held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
) -> tuple[int, bytes]:
    """Send one report over a kept connection; return status and body. Raises OSError or IncompleteReadError when it breaks."""
    if not held:
        held.append(await asyncio.open_connection("127.0.0.1", port))
    reader, writer = held[0]
    try:
        writer.write(head % len(body) + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return int(answer[9:12]), await reader.readexactly(int(length.split(b":")[1]))
    except BaseException:
        held.clear()
        writer.close()
        raise


async def send(orders: Orders) -> Told:
    """Send for the given time and return what came of it."""
    told = Told()
    most = int((orders.rate or 2000) * orders.seconds)
    reports = bodies(orders, most)
    numbers = iter(range(most))
    begun = time.perf_counter() + 0.05
    end = begun + orders.seconds

    async def one() -> None:
        held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for number in numbers:
            due = begun + number / orders.rate if orders.rate else max(begun, time.perf_counter())
            if due > end:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            key = f"{orders.run}-{number}"
            head = (
                f"POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {orders.token}\r\n"
                f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            ).encode()
            told.sent += 1
            while True:
                status, answer = 0, b""
                with contextlib.suppress(OSError, asyncio.IncompleteReadError, StopIteration, ValueError):
                    status, answer = await ask(orders.port, head, reports[number], held)
                if status in (200, 201):
                    said = msgspec.json.decode(answer)
                    told.filed += 1
                    told.joined += said["joined"]
                    told.took_ms.append((time.perf_counter() - due) * 1000)
                    told.numbers[key] = said["number"]
                    break
                told.failures += 1
                told.first_failure = told.first_failure or f"{status} {answer[:300]!r}"
                if not orders.again or time.perf_counter() > end + 120:
                    break
                await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as group:
        for _ in range(orders.connections):
            group.create_task(one())
    told.seconds = time.perf_counter() - begun
    told.took_ms.sort()
    return told


if __name__ == "__main__":
    ordered = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(send(ordered))) + b"\n")
