# SPDX-License-Identifier: Apache-2.0
"""Publishers in a process of their own, for measurements: `python -m chengyun.collect.mqtt.flood`, its orders as JSON on stdin.

Lean on purpose, because it shares the machine with what it measures: messages are put together before the clock starts, and
what a publisher does meanwhile is count acknowledgements. It prints the seconds until the broker had taken the last.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from typing import cast

import msgspec
import uvloop

from chengyun.collect.mqtt import packets

__all__ = ["Orders"]


class Orders(msgspec.Struct, kw_only=True):
    """What to publish at QoS 1: the messages, `times` times over, on so many connections.

    window: how many messages of a connection may be unacknowledged. username: the same for all; None: none.
    """

    port: int
    messages: list[tuple[str, str]]
    times: int = 1
    connections: int = 4
    window: int = 500
    client: str = "flood"


class _Publisher(asyncio.Protocol):
    def __init__(self, orders: Orders, number: int) -> None:
        self._orders = orders
        self._number = number
        share = orders.messages[number :: orders.connections]
        # A packet's number is the two bytes before its payload; all the rest stands beforehand.
        self._made = []
        for topic, payload in share:
            body = packets.publish(topic, payload.encode(), "3.1.1", packet=1)
            cut = len(body) - len(payload.encode())
            self._made.append((body[: cut - 2], body[cut:]))
        self._left = len(share) * orders.times
        self._at = 0
        self._packet = 0
        self._open = 0
        self._rest = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(packets.connect("3.1.1", f"{self._orders.client}-{self._number}", clean=True))
        self._accepted = False

    def data_received(self, data: bytes) -> None:
        if not self._accepted:
            self._accepted = True
            data = data[4:]
        # Every answer is a PUBACK of four bytes; only their number matters.
        self._rest += len(data)
        acknowledged, self._rest = divmod(self._rest, 4)
        self._open -= acknowledged
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(str(exc or "the broker closed the connection")))

    def _send(self) -> None:
        room = min(self._orders.window - self._open, self._left)
        if room < self._orders.window // 4 and room < self._left:
            return
        parts = []
        for _ in range(room):
            head, tail = self._made[self._at]
            self._at = (self._at + 1) % len(self._made)
            self._packet = self._packet % 65535 + 1
            parts += [head, struct.pack(">H", self._packet), tail]
        self._transport.write(b"".join(parts))
        self._open += room
        self._left -= room
        if not self._left and not self._open and not self.done.done():
            self.done.set_result(None)


async def flood(orders: Orders) -> float:
    """Publish everything; return the seconds until the broker had acknowledged it."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    made = [
        await loop.create_connection(lambda number=number: _Publisher(orders, number), "127.0.0.1", orders.port)  # type: ignore[misc]
        for number in range(orders.connections)
    ]
    await asyncio.gather(*(publisher.done for _, publisher in made))
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(uvloop.run(flood(msgspec.json.decode(sys.stdin.buffer.read(), type=Orders))))
