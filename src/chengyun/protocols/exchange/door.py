# SPDX-License-Identifier: Apache-2.0
"""The door /exchange/v1: who signs is answered, signed and with a receipt; heads, keys and statistics are everybody's.

GET /datasets /rows /changes /digests            what may be read; what stands; what changed; what a copy should hold
POST /files, GET /files/{n}, GET /files/{n}/parts/{i}      in bulk, resumable by Range
POST /subscriptions, GET …/{n}/changes, POST …/{n}/acknowledge, DELETE …/{n}
GET /receipts/{n}, POST /receipts/{n}/countersignature
GET /keys /heads/{log} /consistency /statistics /catalogue      open to all
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from django.db import close_old_connections

from chengyun.errors import NotFound, Refused
from chengyun.protocols.door import Given, Reply, Request
from chengyun.protocols.exchange import files, published
from chengyun.protocols.exchange.lanes import Lanes
from chengyun.protocols.exchange.routes import ROUTES
from chengyun.share import ledger
from chengyun.share.exchange.serving import PREFIX, Ask

__all__ = ["open_door"]

SMALL_PAGE = 200
"""Rows up to which a question waits with the small ones."""
SEQUENCE_EVERY_S = 1.0

log = logging.getLogger(__name__)


class ExchangeDoor:
    """Signed messages through lanes of threads; the rest straight."""

    prefix = PREFIX

    def __init__(self) -> None:
        self._lanes: Lanes | None = None
        self._given: Given | None = None
        self._sequencing: asyncio.Task[None] | None = None
        self._said = asyncio.Event()

    async def open(self, given: Given) -> None:
        self._given = given
        self._lanes = Lanes(ROUTES)
        self._sequencing = asyncio.create_task(self._sequence())

    async def close(self) -> None:
        if self._sequencing is not None:
            self._sequencing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sequencing
        if self._lanes is not None:
            self._lanes.close()

    async def answer(self, request: Request) -> Reply:
        assert self._lanes is not None
        assert self._given is not None
        path = request.raw_path
        if request.method in ("GET", "HEAD") and (open_to_all := published.found(path)):
            value = await self._in_thread(functools.partial(open_to_all, _params(request)))
            return Reply(body=msgspec.json.encode(value, enc_hook=str), headers=(("cache-control", "no-store"),))
        if request.method == "GET" and files.is_part(path):
            part: Reply = await self._in_thread(functools.partial(files.part, self._ask(request)))
            return part
        ask = self._ask(request)
        told = await self._lanes.answer(ask, slow=_is_slow(ask))
        self._said.set()
        return Reply(told.status, told.body, headers=tuple(told.headers.items()))

    def _ask(self, request: Request) -> Ask:
        authority = request.headers.get("host", "")
        if not authority:
            raise Refused("The request names no host.", code="host", status=400)
        if self._given is not None and self._given.config.protocols_url:
            # A proxy in front may hand on another host; what others sign is the address they were given.
            authority = urlsplit(self._given.config.protocols_url).netloc
        return Ask(request.method, authority, PREFIX + request.raw_path, request.query, request.headers, request.body)

    async def _in_thread(self, do: Callable[[], Any]) -> Any:
        def run() -> Any:
            close_old_connections()
            try:
                return do()
            finally:
                close_old_connections()

        return await asyncio.to_thread(run)

    async def _sequence(self) -> None:
        """Give what was said its place in the log, at most once a second, and only when something was said."""
        while True:
            await self._said.wait()
            self._said.clear()
            await asyncio.sleep(SEQUENCE_EVERY_S)
            try:
                await self._in_thread(lambda: ledger.sequence("exchange"))
            except Exception:
                # The job in the background does the same; what waits is in the database.
                log.exception("the log was not sequenced")
                self._said.set()


def open_door() -> ExchangeDoor:
    """Return the door."""
    return ExchangeDoor()


def _params(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(request.query).items()}


def _is_slow(ask: Ask) -> bool:
    """Say whether a question may take long: large pages, streams' pages (which open DuckDB), and whatever writes."""
    if ask.method != "GET":
        return True
    if not ask.path.endswith(("/rows", "/changes")) or "/subscriptions/" in ask.path:
        return True
    params = parse_qs(ask.query)
    limit = params.get("limit", ["100"])[-1]
    if not (limit.isascii() and limit.isdigit()) or len(limit) > 5 or int(limit) > SMALL_PAGE:
        return True
    from chengyun.share.exchange.sources import kind_of

    try:
        return kind_of(params.get("dataset", [""])[-1]) == "stream"
    except NotFound:
        return False
