# SPDX-License-Identifier: Apache-2.0
"""How long an observation takes to be seen: one station's readings, looked for in the newest rows and on an open page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec

from chengyun.bench.sender import Orders

__all__ = ["Seen", "probe"]

WITHIN_S = 20.0
LOOK_EVERY_S = 0.02


@dataclass(slots=True)
class Seen:
    """Seconds from sending each probe until it was shown."""

    page_s: list[float] = field(default_factory=list)
    latest_s: list[float] = field(default_factory=list)


def probe(port: int, token: str, ticket: str, orders: Orders, count: int, every_s: float) -> Seen:
    """Send `count` observations of the last station of the orders, one every so often; return when each was seen.

    Raises TimeoutError when one is not seen within 20 s.
    """
    return asyncio.run(_probe(port, token, ticket, orders, count, every_s))


async def _probe(port: int, token: str, ticket: str, orders: Orders, count: int, every_s: float) -> Seen:
    station, quantity = orders.stations[-1], next(iter(orders.quantities))
    seen = Seen()
    shown: dict[int, asyncio.Future[float]] = {}
    live, to_live = await asyncio.open_connection("127.0.0.1", port, limit=64 * 1024 * 1024)
    to_live.write(f"GET /live?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    watching = asyncio.create_task(_watch(live, station.encode(), orders, shown))
    seq = msgspec.json.decode(await _get(port, f"/latest/{orders.stream}?ticket={ticket}"))["seq"]
    loop = asyncio.get_running_loop()
    for _ in range(count):
        moment = int(time.time() * 1000)
        shown[moment] = loop.create_future()
        body = msgspec.json.encode({orders.entity: station, orders.time: moment, quantity: 20.0})
        begun = time.perf_counter()
        await _post(port, orders.stream, token, body)
        async with asyncio.timeout(WITHIN_S):
            while True:
                rows = msgspec.json.decode(await _get(port, f"/latest/{orders.stream}?ticket={ticket}&since={seq}"))
                seq = rows["seq"]
                newest = dict(zip(rows["columns"][orders.entity], rows["columns"][orders.time], strict=True))
                if newest.get(station) == moment:
                    break
                await asyncio.sleep(LOOK_EVERY_S)
            seen.latest_s.append(time.perf_counter() - begun)
            seen.page_s.append(await shown[moment] - begun)
        await asyncio.sleep(every_s)
    watching.cancel()
    to_live.close()
    return seen


async def _watch(live: asyncio.StreamReader, station: bytes, orders: Orders, shown: dict[int, asyncio.Future[float]]) -> None:
    name = b'"' + station + b'"'
    async for line in _lines(live):
        if not line.startswith(b"data: ") or name not in line:
            continue
        # A page reads what it is told before it shows it, so that is part of the time.
        columns = msgspec.json.decode(line[6:])["columns"]
        at = columns[orders.time][columns[orders.entity].index(station.decode())]
        waiting = shown.get(at)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())


async def _lines(live: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the lines of a body in chunks (RFC 9112, 7.1), however they were cut."""
    await live.readuntil(b"\r\n\r\n")
    rest = b""
    while size := int(await live.readline(), 16):
        *whole, rest = (rest + await live.readexactly(size)).split(b"\n")
        await live.readexactly(2)
        for line in whole:
            yield line


async def _post(port: int, stream: str, token: str, body: bytes) -> None:
    head = (
        f"POST /ingest/{stream} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    await _exchange(port, head.encode() + body)


async def _get(port: int, path: str) -> bytes:
    return await _exchange(port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())


async def _exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head[:20]:
        raise ConnectionError(f"asked for 200, got {answer[:200]!r}")
    return body
