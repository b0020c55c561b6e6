# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: S608 - statements are put together from our own constants and declared names; values are always bound.
"""Where a @context comes from: the core kept here, pinned files, what was hosted or fetched before, and last the network.

    core (any edition)     built in
    CHENGYUN_NGSILD_CONTEXTS/pinned.toml     "https://…/context.jsonld" = "file.jsonld": resolved without a network
    /ngsi-ld/v1/jsonldContexts/<id>          put here by somebody, or made here for a list of contexts
    anything else          fetched once from a host of CHENGYUN_NGSILD_HOSTS, then kept

What cannot be had is refused at once (LdContextNotAvailable), never waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import tomllib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from chengyun.errors import Misdeclared, Problem
from chengyun.protocols.door import Pool
from chengyun.protocols.ngsild.outbound import Reach, call
from chengyun.protocols.ngsild.problems import absent, bad, no_context
from chengyun.protocols.ngsild.terms import CORE, Terms, core_document, read_terms
from chengyun.protocols.ngsild.vocabulary import CORE_URL, is_core_url, is_uri

__all__ = ["Kept", "Library", "as_list", "read_pins"]

FETCH_WITHIN_S = 3.0
DEEPEST = 5
MOST_DOCUMENTS = 20
KEPT_TERMS = 500
LARGEST = 1024 * 1024
PATH = "/ngsi-ld/v1/jsonldContexts"

_OWN = re.compile(r"/jsonldContexts/([0-9a-f]{8}-[0-9a-f-]{27})$")
_COLUMNS = "context_id, url, kind, body, created_at, last_usage, hits"
_FIND = f"SELECT {_COLUMNS} FROM ngsild_context WHERE url = %s OR context_id = %s"
_LIST = f"SELECT {_COLUMNS} FROM ngsild_context WHERE %s::text IS NULL OR kind = %s ORDER BY id LIMIT 1000"
_KEEP = f"""
INSERT INTO ngsild_context (context_id, url, kind, body, created_at, hits) VALUES (%s, %s, %s, %s, now(), %s)
ON CONFLICT (url) DO UPDATE SET body = excluded.body
RETURNING {_COLUMNS}
"""
_USE = "UPDATE ngsild_context SET hits = hits + 1, last_usage = now() WHERE context_id = ANY(%s)"
_DROP = "DELETE FROM ngsild_context WHERE context_id = %s"
_COUNT = "SELECT count(*) FROM ngsild_context"
MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A @context as the database keeps it."""

    id: uuid.UUID
    url: str
    kind: str
    body: Any
    created_at: dt.datetime
    last_usage: dt.datetime | None
    hits: int


def as_list(given: Any) -> list[Any]:
    """Return what stands under @context as a list."""
    return given if isinstance(given, list) else [given]


def read_pins(folder: Path | None) -> dict[str, Any]:
    """Return the pinned contexts by address. Raises Misdeclared naming every file that cannot be used."""
    if folder is None:
        return {}
    index = folder / "pinned.toml"
    try:
        listed = tomllib.loads(index.read_text())
    except (OSError, tomllib.TOMLDecodeError) as wrong:
        raise Misdeclared([f'{index}: {wrong}. Write lines such as "https://…/context.jsonld" = "file.jsonld".']) from wrong
    found: dict[str, Any] = {}
    faults: list[str] = []
    for url, name in listed.items():
        try:
            found[url] = _body(msgspec.json.decode((folder / str(name)).read_bytes()))
        except (OSError, msgspec.DecodeError, Problem) as wrong:
            faults.append(f"{index}, {url}: {wrong}")
    if faults:
        raise Misdeclared(faults)
    return found


class Library:
    """All contexts this process knows. One per door."""

    def __init__(self, pool: Pool, pins: Mapping[str, Any], reach: Reach) -> None:
        self._pool = pool
        self._pins = pins
        self._reach = reach
        self._known: dict[bytes, tuple[Terms, list[uuid.UUID]]] = {}

    async def terms(self, given: Any, *, conn: AsyncConnection[Any] | None = None) -> Terms:
        """Return the terms of what stands under @context. Raises LdContextNotAvailable or BadRequestData.

        conn: a connection already held, so that nobody waits for a second one while holding the first.
        """
        listed = [one for one in as_list(given) if not (isinstance(one, str) and is_core_url(one))]
        if not listed:
            return CORE if given in (None, [], CORE_URL) or not _core_given(given) else Terms({}, given)
        key = msgspec.json.encode(given)
        known = self._known.get(key)
        if known is None:
            documents: list[Mapping[str, Any]] = []
            used: list[uuid.UUID] = []
            await self._collect(listed, documents, used, 0, conn)
            known = Terms(read_terms(documents), given), used
            if len(self._known) >= KEPT_TERMS:
                self._known.clear()
            self._known[key] = known
        if known[1] and conn is None:
            async with self._pool.connection() as own:
                await own.execute(_USE, [known[1]])
        return known[0]

    async def host(self, body: Any) -> Kept:
        """Keep a @context somebody put here."""
        documents: list[Mapping[str, Any]] = []
        await self._check(body, documents)
        return await self._keep(f"{PATH}/{uuid.uuid4()}", "Hosted", body)

    async def link_of(self, terms: Terms, root: str) -> str:
        """Return one address for a @context: its own, or that of a context made here for the list."""
        given = as_list(terms.given)
        if len(given) == 1 and isinstance(given[0], str):
            return given[0] if not given[0].startswith("/") else root.removesuffix("/ngsi-ld/v1") + given[0]
        found = await self.implicit(given)
        return f"{root}/jsonldContexts/{found.id}"

    async def implicit(self, given: list[Any]) -> Kept:
        """Return the context made here for a list of contexts; the same list gets the same one."""
        name = uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode(given).decode())
        async with self._pool.connection() as conn:
            row: Any = await (await conn.execute(_FIND, ["", name])).fetchone()
        return Kept(*row) if row else await self._keep(f"{PATH}/{name}", "ImplicitlyCreated", given)

    async def find(self, name: str) -> Kept:
        """Return a context by its id or address. Raises ResourceNotFound."""
        if is_core_url(name):
            made = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
            return Kept(uuid.uuid5(uuid.NAMESPACE_URL, name), name, "Cached", core_document()["@context"], made, None, 0)
        row = await self._row(name)
        if row is None:
            raise absent(f"There is no @context {name[:120]!r} here.")
        return row

    async def served(self, kept: Kept) -> None:
        """Count that a context was handed out; of those put here by somebody, only their use is counted."""
        if kept.kind != "Hosted" and not is_core_url(kept.url):
            async with self._pool.connection() as conn:
                await conn.execute(_USE, [[kept.id]])

    async def kept(self, kind: str | None) -> list[Kept]:
        async with self._pool.connection() as conn:
            rows: Any = await (await conn.execute(_LIST, [kind, kind])).fetchall()
        core = [await self.find(CORE_URL)] if kind in (None, "Cached") else []
        return core + [Kept(*row) for row in rows]

    async def delete(self, name: str, reload: bool) -> None:
        """Drop a context, or fetch it anew (clause 5.13.5). A reload that fails leaves what was there."""
        if is_core_url(name):
            if not reload:
                raise bad("The core @context cannot be deleted.")
            return
        row = await self._row(name)
        if row is None:
            raise (
                bad("Only a cached @context can be reloaded.") if reload else absent(f"There is no @context {name[:120]!r} here.")
            )
        if reload:
            if row.kind != "Cached":
                raise bad("Only a cached @context can be reloaded.")
            await self._keep(row.url, "Cached", await self._fetch(row.url))
        else:
            async with self._pool.connection() as conn:
                await conn.execute(_DROP, [row.id])
        self._known.clear()

    async def _row(self, name: str, conn: AsyncConnection[Any] | None = None) -> Kept | None:
        own = _OWN.search(name)
        text = own[1] if own else name
        try:
            number = uuid.UUID(text) if len(text) == 36 else uuid.UUID(int=0)
        except ValueError:
            number = uuid.UUID(int=0)
        async with self._with(conn) as held:
            row: Any = await (await held.execute(_FIND, [name, number])).fetchone()
        return Kept(*row) if row else None

    @contextlib.asynccontextmanager
    async def _with(self, conn: AsyncConnection[Any] | None) -> AsyncIterator[AsyncConnection[Any]]:
        if conn is not None:
            yield conn
        else:
            async with self._pool.connection() as own:
                yield own

    async def _collect(
        self, given: list[Any], documents: list[Mapping[str, Any]], used: list[uuid.UUID], depth: int,
        conn: AsyncConnection[Any] | None,
    ) -> None:  # fmt: skip
        if depth > DEEPEST:
            raise no_context(f"The @context names others more than {DEEPEST} deep.")
        for one in given:
            if isinstance(one, dict):
                documents.append(one)
            elif isinstance(one, str):
                if not is_core_url(one):
                    kept = await self._get(one, conn)
                    used.append(kept.id)
                    await self._collect(as_list(kept.body), documents, used, depth + 1, conn)
            elif one is not None:
                raise bad("@context holds something that is neither an address nor an object.")
            if len(documents) + len(used) > MOST_DOCUMENTS:
                raise no_context(f"The @context consists of more than {MOST_DOCUMENTS} documents.")

    async def _get(self, url: str, conn: AsyncConnection[Any] | None) -> Kept:
        if not _OWN.search(url) and not is_uri(url):
            raise bad(f"@context: {url[:120]!r} is no address.")
        row = await self._row(url, conn)
        if row is None:
            if _OWN.search(url):
                raise no_context(f"The @context {url[:200]} is not here any more.")
            row = await self._keep(url, "Cached", await self._fetch(url), conn)
        return row

    async def _fetch(self, url: str) -> Any:
        if url in self._pins:
            return self._pins[url]
        try:
            answer = await asyncio.to_thread(
                call,
                "GET",
                url,
                self._reach,
                headers={"Accept": "application/ld+json, application/json"},
                within_s=FETCH_WITHIN_S,
            )
            if answer.status != 200:
                raise no_context(f"The @context {url[:200]} was answered with {answer.status}.")
            return _body(msgspec.json.decode(answer.body))
        except msgspec.DecodeError:
            raise no_context(f"The @context {url[:200]} is no JSON.") from None
        except Problem as wrong:
            if wrong.code == "LdContextNotAvailable":
                raise
            raise no_context(f"The @context {url[:200]} cannot be had: {wrong.sentence}") from wrong

    async def _check(self, body: Any, documents: list[Mapping[str, Any]]) -> None:
        for one in as_list(body):
            if isinstance(one, dict):
                documents.append(one)
            elif not isinstance(one, str) or not is_uri(one):
                raise bad("A @context is an object of terms, an address, or a list of them.")

    async def _keep(self, url: str, kind: str, body: Any, conn: AsyncConnection[Any] | None = None) -> Kept:
        own = _OWN.search(url)
        number = uuid.UUID(own[1]) if own else uuid.uuid4()
        async with self._with(conn) as own_conn:
            count: Any = await (await own_conn.execute(_COUNT)).fetchone()
            if count[0] >= MOST_KEPT:
                raise bad(f"{MOST_KEPT} contexts are kept here already. Delete some first.")
            row: Any = await (await own_conn.execute(_KEEP, [number, url, kind, Jsonb(body), 0])).fetchone()
        return Kept(*row)


def _core_given(given: Any) -> bool:
    return any(isinstance(one, str) and is_core_url(one) for one in as_list(given))


def _body(document: Any) -> Any:
    if not isinstance(document, dict) or "@context" not in document:
        raise bad("The document holds no @context.")
    return document["@context"]
