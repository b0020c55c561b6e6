# SPDX-License-Identifier: Apache-2.0
"""Live updates: what moved lately goes to every open page that may see it, as server-sent events.

Rows are told by state, not by event: five times a second, every reader gets the newest rows of the entities that moved
since the last time. A flood of observations thus costs a page no more than its entities; what came between is in the lake.
Readers with the same view share one rendered message. A reader that does not keep up is let go; it comes back and asks
for what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
import psycopg

from chengyun.access.tickets import Ticket, View
from chengyun.collect.mirror import Mirror

__all__ = ["Hub", "Reader"]

FLUSH_EVERY_S = 0.2
HEARTBEAT_S = 15.0
"""Shorter than the idle limit of common proxies (60 s)."""
MOST_BEHIND = 64
"""Messages a reader may be behind, about ten seconds; one more and it is let go."""
MOST_BYTES_BEHIND = 16 * 1024 * 1024
"""The same in bytes, beside a first message that may be of any size."""
MOST_READERS = 2_000

log = logging.getLogger(__name__)


class Reader:
    """One open page."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._behind = 0
        self.slow = False

    def tell(self, message: bytes) -> None:
        if self.slow:
            return
        waiting = self._queue.qsize()
        if waiting >= MOST_BEHIND or (waiting and self._behind + len(message) > MOST_BYTES_BEHIND):
            self.close()
            return
        self._behind += len(message)
        self._queue.put_nowait(message)

    async def messages(self) -> AsyncIterator[bytes]:
        """Yield messages, a comment when there is nothing for a while; ends when the reader is let go."""
        yield b"retry: 2000\n: connected\n\n"
        while not self.slow:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    message = await self._queue.get()
            except TimeoutError:
                yield b": beat\n\n"
                continue
            if message is None:
                return
            self._behind -= len(message)
            yield message

    def close(self) -> None:
        """Let the reader go; what waits for it is let go at once, however long it takes to notice."""
        self.slow = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class Hub:
    """Everyone who listens, and what they are told."""

    def __init__(self, mirrors: Mapping[str, Mirror]) -> None:
        self._mirrors = mirrors
        self.readers: set[Reader] = set()

    @contextlib.contextmanager
    def reading(self, ticket: Ticket) -> Any:
        """Hold a place for a reader."""
        reader = Reader(ticket)
        self.readers.add(reader)
        try:
            yield reader
        finally:
            self.readers.discard(reader)

    def close(self) -> None:
        for reader in self.readers:
            reader.close()

    async def run(self) -> None:
        """Tell what moved, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            try:
                self.flush()
            except Exception:
                log.exception("live updates were not sent")

    def flush(self) -> None:
        """Tell every reader the newest rows that moved since the last call."""
        for dataset, mirror in self._mirrors.items():
            moved = mirror.take_moved()
            if not len(moved):
                continue
            rendered: dict[View, bytes] = {}
            for reader in self.readers:
                view = reader.ticket.datasets.get(dataset)
                if view is None:
                    continue
                if view not in rendered:
                    visible = moved[mirror.register.within(view.areas)[moved]]
                    rendered[view] = _event("rows", mirror.render(visible, view.hidden)) if len(visible) else b""
                if rendered[view]:
                    reader.tell(rendered[view])

    def relay(self, payload: str) -> None:
        """Pass on what another process told: {"kind", "dataset", "area", "data"}, to those whose ticket allows it."""
        try:
            told = msgspec.json.decode(payload, type=_Told)
        except msgspec.DecodeError as wrong:
            log.warning("a live message cannot be read: %s", wrong)
            return
        for reader in self.readers:
            view = reader.ticket.datasets.get(told.dataset)
            if view is not None and view.sees(told.area):
                data = {name: value for name, value in told.data.items() if name not in view.hidden}
                message = {"dataset": told.dataset, "area": told.area, "data": data}
                reader.tell(_event(told.kind, msgspec.json.encode(message)))

    async def listen(
        self, dsn: str, on_register: Callable[[str], None], on_rules: Callable[[], None] = lambda: None
    ) -> None:  # fmt: skip
        """Relay the channel `chengyun_live`, tell of registers named on `chengyun_register` and of rules, until cancelled.

        Comes back whenever the database does, and then tells of every register, "", and of the rules.
        """
        away = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
                    await conn.execute("LISTEN chengyun_live")
                    await conn.execute("LISTEN chengyun_register")
                    await conn.execute("LISTEN chengyun_rules")
                    if away:
                        log.warning("live messages are back")
                    away = False
                    on_register("")
                    on_rules()
                    async for notice in conn.notifies():
                        if notice.channel == "chengyun_register":
                            on_register(notice.payload)
                        elif notice.channel == "chengyun_rules":
                            on_rules()
                        else:
                            self.relay(notice.payload)
            except psycopg.OperationalError:
                if not away:
                    log.warning("live messages stopped: the database is away")
                away = True
                await asyncio.sleep(1.0)


class _Told(msgspec.Struct):
    kind: str
    dataset: str
    area: str = ""
    data: dict[str, Any] = msgspec.field(default_factory=dict)


def _event(kind: str, data: bytes) -> bytes:
    name = "".join(character for character in kind if character.isalnum() or character in "_-")
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
