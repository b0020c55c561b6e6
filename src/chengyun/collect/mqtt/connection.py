# SPDX-License-Identifier: Apache-2.0
"""One connection to a broker: messages come in as they were read, together; nothing is acknowledged by itself."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any, cast

from chengyun.collect.mqtt import packets
from chengyun.collect.mqtt.packets import Closed, Connack, Message, Puback, Suback, Will
from chengyun.collect.mqtt.settings import Broker
from chengyun.errors import Malformed, Refused, Unavailable

__all__ = ["Connection", "open_connection"]

CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 10.0
KEEP_ALIVE_S = 20
SESSION_KEPT_S = 30 * 86400
"""How long the broker keeps what comes while nobody collects."""
FILTERS_AT_ONCE = 200
MOST_UNREAD = 50_000
"""Messages held before the socket is no longer read; below MQTT 5 the broker alone bounds what is under way."""

_REFUSALS = {1: "it does not speak this version", 0x84: "it does not speak this version", 2: "the client's name is refused",
             4: "user or password is wrong", 5: "it is not allowed", 0x86: "user or password is wrong", 0x87: "it is not allowed",
             0x85: "the client's name is refused", 0x8A: "it is banned", 0x97: "a quota is used up"}  # fmt: skip


class Connection(asyncio.Protocol):
    """A connection that was accepted. session: whether the broker remembers us.

    on_messages: called with everything one read brought; `hold` and `go_on` stop and start reading.
    """

    def __init__(self, broker: Broker, on_messages: Callable[[Sequence[Message]], None]) -> None:
        self.broker = broker
        self.session = False
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done, with the reason, when the connection is gone."""
        self._on_messages = on_messages
        self._rest = b""
        self._accepted: asyncio.Future[Connack] = asyncio.get_running_loop().create_future()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._packet = 0
        self._heard = asyncio.get_running_loop().time()
        self._pinging: asyncio.Task[None] | None = None
        self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        data = self._rest + data if self._rest else data
        try:
            found, used = packets.read_packets(data, self.broker.version)
        except (Malformed, IndexError) as wrong:
            self._end(wrong.sentence if isinstance(wrong, Malformed) else "The broker sent a packet that is cut off.")
            self._transport.abort()
            return
        self._rest = data[used:]
        messages: list[Message] = []
        for packet in found:
            if type(packet) is Message:
                messages.append(packet)
            else:
                self._take(packet)
        if messages:
            self._on_messages(messages)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"The connection was lost{f': {exc}' if exc else ''}.")

    def acknowledge(self, numbers: Sequence[int]) -> None:
        """Tell the broker that these messages are safe, in the order they came."""
        if numbers and not self.lost.done():
            self._transport.write(packets.acknowledge(numbers))

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> list[str]:
        """Subscribe at QoS 1; return the filters that were refused. filters: topic filter, retain handling."""
        refused = []
        for at in range(0, len(filters), FILTERS_AT_ONCE):
            some = filters[at : at + FILTERS_AT_ONCE]
            codes = await self._ask(lambda number, some=some: packets.subscribe(number, some, self.broker.version))  # type: ignore[misc]
            refused += [name for (name, _), code in zip(some, codes, strict=False) if code >= 0x80]
        return refused

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        if filters:
            await self._ask(lambda number: packets.unsubscribe(number, filters, self.broker.version))

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expires_s: int = 0) -> None:
        """Return when the broker has taken a message at QoS 1. Raises Refused when it may not be sent, Unavailable."""
        codes = await self._ask(
            lambda number: packets.publish(topic, payload, self.broker.version, packet=number, retain=retain, expires_s=expires_s)
        )
        if codes and codes[0] >= 0x80:
            raise Refused(f"The broker did not take a message for {topic} (reason {codes[0]:#x}).", code="mqtt_refused")

    def hold(self) -> None:
        if not self._held and not self.lost.done():
            self._held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        if self._held and not self.lost.done():
            self._held = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Say goodbye; the session stays."""
        if not self.lost.done():
            self._transport.write(packets.DISCONNECT)
            self._transport.close()
        self._end("It was closed.")

    async def begin(self, will: Will | None) -> None:
        broker = self.broker
        self._transport.write(
            packets.connect(
                broker.version,
                broker.client,
                username=broker.username,
                password=broker.password,
                keep_alive_s=KEEP_ALIVE_S * 2,
                receive_maximum=broker.in_flight,
                session_expiry_s=SESSION_KEPT_S,
                will=will,
            )
        )
        answer = await self._accepted
        if answer.code:
            why = _REFUSALS.get(answer.code, f"reason {answer.code:#x}")
            raise Refused(f"The broker at {broker.address} refuses {broker.client}: {why}.", code="mqtt_refused")
        self.session = answer.session
        self._pinging = asyncio.get_running_loop().create_task(self._ping())

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.lost.done():
            await asyncio.sleep(KEEP_ALIVE_S)
            self._transport.write(packets.PING)
            if loop.time() - self._heard > KEEP_ALIVE_S * 2.5 and not self._held:
                self._end("The broker has not answered for 50 s.")
                self._transport.abort()

    async def _ask(self, packet: Callable[[int], bytes]) -> bytes:
        if self.lost.done():
            raise Unavailable(f"The broker at {self.broker.address} is away.")
        while True:
            self._packet = self._packet % 65535 + 1
            if self._packet not in self._waiting:
                break
        number = self._packet
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._transport.write(packet(number))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._waiting[number]
        except TimeoutError:
            raise Unavailable(f"The broker at {self.broker.address} does not answer.") from None
        finally:
            del self._waiting[number]

    def _take(self, packet: packets.Packet) -> None:
        match packet:
            case Connack() if not self._accepted.done():
                self._accepted.set_result(packet)
            case Suback(number, codes):
                self._answer(number, codes)
            case Puback(number, code):
                self._answer(number, bytes([code]))
            case Closed(code):
                self._end(f"The broker ended the connection (reason {code:#x}).")

    def _answer(self, number: int, codes: bytes) -> None:
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(codes)

    def _end(self, why: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(why)
        if self._pinging is not None:
            self._pinging.cancel()
        away = Unavailable(f"The broker at {self.broker.address}: {why}")
        everyone: list[asyncio.Future[Any]] = [self._accepted, *self._waiting.values()]
        for waiting in everyone:
            if not waiting.done():
                waiting.set_exception(away)
                waiting.exception()  # whoever waits hears of it; when nobody does, that is no error


async def open_connection(
    broker: Broker, on_messages: Callable[[Sequence[Message]], None], *, will: Will | None = None
) -> Connection:
    """Return a connection the broker has accepted. Raises Unavailable when it is away, Refused when it does not want us."""
    context = broker.context()
    loop = asyncio.get_running_loop()
    transport: asyncio.BaseTransport | None = None
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            transport, connection = await loop.create_connection(
                lambda: Connection(broker, on_messages), broker.host, broker.port, ssl=context
            )
            await connection.begin(will)
    except ssl.SSLError as wrong:
        raise Unavailable(f"TLS with the broker at {broker.address} fails: {wrong.reason or wrong}.", code="mqtt_tls") from wrong
    except (OSError, TimeoutError) as away:
        _abort(transport)
        raise Unavailable(f"The broker at {broker.address} does not answer: {away or 'it took too long'}.") from away
    except Exception:
        _abort(transport)
        raise
    return connection


def _abort(transport: asyncio.BaseTransport | None) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.abort()
