# SPDX-License-Identifier: Apache-2.0
"""What a foreign language is to the process that speaks it: a door with an address, a request, a reply, and who asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from chengyun.access import tokens
from chengyun.access.actors import ANONYMOUS, Actor, actor_of_token
from chengyun.city import City
from chengyun.config import Config
from chengyun.errors import Refused

__all__ = ["Door", "Given", "Reply", "Request", "Visitor", "Visitors"]

KNOWN_FOR_S = 5.0
"""How long a token that was revoked may still be used."""

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


@dataclass(frozen=True, slots=True)
class Given:
    """What every door is opened with. address: of the process as others reach it, or "" when the request tells."""

    city: City
    config: Config
    pool: Pool


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. scopes: of the token shown; `ingest:<key>` or `ingest:*` lets its holder write. token: its prefix, as listed."""

    actor: Actor = ANONYMOUS
    scopes: frozenset[str] = frozenset()
    token: str = ""

    def may_write(self, key: str) -> bool:
        return f"ingest:{key}" in self.scopes or "ingest:*" in self.scopes

    def require_write(self, key: str) -> None:
        """Raise Refused when the token shown does not let its holder write under a key: 401 without one, otherwise 403."""
        if not self.may_write(key):
            shown = bool(self.scopes)
            raise Refused(
                f"Writing here needs a token with the scope ingest:{key}. Send `Authorization: Bearer <token>`.",
                code="scope" if shown else "token",
                status=403 if shown else 401,
            )


@dataclass(frozen=True, slots=True)
class Request:
    """One request. path: below the door's prefix, percent-decoded. raw_path: the same as sent. query: as sent, without "?".

    headers: names in lower case. root: the door's own address as the caller reaches it, no slash at the end.
    """

    method: str
    path: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    root: str
    visitor: Visitor


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, whole."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())


class Door(Protocol):
    """One foreign language. A Problem it raises is told as JSON by the process unless the door catches it."""

    prefix: str

    async def open(self, given: Given) -> None: ...

    async def close(self) -> None: ...

    async def answer(self, request: Request) -> Reply: ...


class Visitors:
    """Who holds which token, asked of the database at most every few seconds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: tokens.Remembered[Visitor] = tokens.Remembered(KNOWN_FOR_S)

    async def of(self, authorization: str) -> Visitor:
        """Return who asks. Raises Refused (401) for a token that is unknown, expired or revoked; no token is a visitor, too."""
        if not authorization:
            return Visitor()
        scheme, _, raw = authorization.partition(" ")
        raw = raw.strip()
        visitor = await self._find(raw) if scheme.lower() == "bearer" and raw and "\x00" not in raw else None
        if visitor is None:
            raise Refused(
                "The token is unknown, expired or revoked. Send `Authorization: Bearer <token>`.", code="token", status=401
            )
        return visitor

    async def _find(self, raw: str) -> Visitor | None:
        now, digest = time.monotonic(), tokens.digest(raw)
        known, found = self._known.get(digest, now)
        if known:
            return found
        async with self._pool.connection() as conn:
            row: Any = await (await conn.execute(tokens.FIND, [digest])).fetchone()
        if row is not None:
            actor = await asyncio.to_thread(_actor, raw)
            found = Visitor(actor, frozenset(row[2]), "_".join(raw.split("_")[:2]))
        self._known.keep(digest, found, now)
        return found


def _actor(raw: str) -> Actor:
    from django.db import close_old_connections

    close_old_connections()
    try:
        return actor_of_token(raw) or ANONYMOUS
    finally:
        close_old_connections()
