# SPDX-License-Identifier: Apache-2.0
"""OGC SensorThings 1.1 as a door of the `protocols` process.

GET  any resource path with query options                POST     collections, relations to many, /CreateObservations, /$batch
PATCH, PUT  an entity (PATCH also as JSON Patch)         DELETE   an entity, or a collection with $filter

Reading follows the access policy of the dataset `sensorthings`; writing needs a token with the scope `ingest:sensorthings`.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import time
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from chengyun.access import grants, policy
from chengyun.access.actors import Actor
from chengyun.city import City
from chengyun.collect.mqtt.settings import read_broker
from chengyun.collect.wire import status_of
from chengyun.errors import Malformed, NotFound, Problem, Refused
from chengyun.lake.hot import write_receipts
from chengyun.lake.tables import register_table, stream_table
from chengyun.protocols.door import Door, Given, Reply, Request
from chengyun.protocols.sensorthings import answering, arrays, batch
from chengyun.protocols.sensorthings.bodies import decode
from chengyun.protocols.sensorthings.changes import apply_patch, leave, note
from chengyun.protocols.sensorthings.city import is_citys, require_posted, shown_of, store_for, table_of
from chengyun.protocols.sensorthings.conformance import root_document
from chengyun.protocols.sensorthings.grouping import Group, Sender, receipts, simple_row
from chengyun.protocols.sensorthings.history import history
from chengyun.protocols.sensorthings.kinds import KINDS, Kind
from chengyun.protocols.sensorthings.observing import Numbers, told
from chengyun.protocols.sensorthings.options import Options, read_options
from chengyun.protocols.sensorthings.paths import Hop, Target, read_path
from chengyun.protocols.sensorthings.reading import PAGE
from chengyun.protocols.sensorthings.sql import Store
from chengyun.protocols.sensorthings.writing import Writing

__all__ = ["SensorThings", "open_door"]

DATASET = "sensorthings"
CONNECTIONS = 6
READ_WITHIN_S = 10
WRITE_WITHIN_S = 60
MOST_ROWS = 200_000
"""Observations of one CreateObservations."""
MOST_DELETED = 100_000
"""Entities one filtered delete takes."""
KNOWN_FOR_S = 5.0

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]
TOGETHER: ContextVar[AsyncConnection[TupleRow] | None] = ContextVar("together", default=None)
"""The connection of the group of a batch that is being answered, its transaction open; None outside of one."""


def open_door() -> Door:
    return SensorThings()


class SensorThings:
    """The door. Its connections are its own, because its questions must end after a time and others' need not."""

    prefix = "/sensorthings/v1.1"

    def __init__(self) -> None:
        self._pool: Pool
        self._group: Group
        self._numbers = Numbers()
        self._stores: dict[Actor, tuple[float, Store]] = {}
        self._city: City
        self._tells = False
        self._mqtt: str | None = None
        self._talk: Any = None
        self._sources: dict[str, int] = {}

    async def open(self, given: Given) -> None:
        self._pool = AsyncConnectionPool(
            given.config.dsn(), min_size=0, max_size=CONNECTIONS, open=False, timeout=5.0, max_idle=60.0, reconnect_timeout=30.0,
            kwargs={"autocommit": True, "options": f"-c statement_timeout={READ_WITHIN_S}s"},
        )  # fmt: skip
        await self._pool.open()
        self._city = given.city
        broker = read_broker(given.config.city)
        self._tells = broker is not None
        self._mqtt = broker.address if broker is not None else None
        self._group = Group(self._pool, self._numbers, tells=self._tells)
        self._group.start()
        await self._number()
        if broker is not None:
            from chengyun.protocols.sensorthings.mqtt import Talk  # an installation without a broker loads none of it

            here = given.config.protocols_url or f"http://{given.config.host}:{given.config.protocols_port}"
            self._talk = Talk(broker, self._pool, self._group, here + self.prefix)
            self._talk.start()

    async def close(self) -> None:
        if self._talk is not None:
            await self._talk.stop()
        await self._group.stop()
        await self._pool.close()

    async def answer(self, request: Request) -> Reply:
        """Answer a request; what is wrong is told as SensorThings clients expect it."""
        try:
            return await self._answer(request)
        except Problem as problem:
            status = status_of(problem)
            headers = (("www-authenticate", "Bearer"),) if status == 401 else (("retry-after", "1"),) if status == 503 else ()
            return _problem(status, problem.sentence, headers)
        except psycopg.errors.QueryCanceled:
            return _problem(
                503, f"The answer was not there within {READ_WITHIN_S} s. Narrow the question: $filter, $top, fewer $expand."
            )
        except psycopg.DataError:
            return _problem(400, "A value here is beyond what can be kept or compared. Mend it and send it again.")
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.ForeignKeyViolation):
            return _problem(503, "Somebody else changed the same entities. Send this again.", (("retry-after", "1"),))
        except (psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex):
            return _problem(400, "The question is too large. Ask in parts.")

    async def _answer(self, request: Request) -> Reply:
        path = request.path.strip("/")
        if "\x00" in path:
            raise NotFound("There is nothing here.")
        if request.method in ("GET", "HEAD"):
            return await self._get(request, path)
        if path.endswith("$batch"):
            if request.method != "POST":
                raise Refused("$batch takes POST.", code="method", status=405)
            return await batch.answer(self.answer, self._together, request)
        request.visitor.require_write(DATASET)
        if path == "CreateObservations":
            if request.method != "POST":
                raise Refused("CreateObservations takes POST.", code="method", status=405)
            return await self._create_observations(request)
        target = read_path(request.raw_path)
        match request.method:
            case "POST":
                return await self._post(request, target)
            case "PATCH" | "PUT":
                return await self._change(request, target)
            case "DELETE":
                return await self._delete(request, target)
        raise Refused(f"{request.method} is not possible here.", code="method", status=405)

    # --- reading --------------------------------------------------------------------------------------------------------

    async def _get(self, request: Request, path: str) -> Reply:
        if not path:
            return Reply(body=msgspec.json.encode(root_document(request.root, self._mqtt)))
        target = read_path(request.raw_path)
        store = _narrowed(await self._store(request), target)
        if (past := await self._past(request, store, target)) is not None:
            store = past
        async with self._connection() as conn:
            return await answering.read(conn, store, target, path, request.query, request.root)

    async def _store(self, request: Request) -> Store:
        """Return what whoever asks may read. Raises Refused (401 or 403) when that is nothing."""
        actor = request.visitor.actor
        known = self._stores.get(actor)
        if known is None or known[0] < time.monotonic():
            await self._number()
            store, granted = await asyncio.to_thread(_store_of, self._city, self._sources, actor)
            if len(self._stores) > 1_000:
                self._stores.clear()
            # What a grant gives ends the moment it is revoked, so it is asked for anew.
            known = self._stores[actor] = (time.monotonic() + (0.0 if granted else KNOWN_FOR_S), store)
        if not known[1].posted and not known[1].arms:
            shown = bool(request.visitor.scopes)
            raise Refused(
                "Reading here needs a token with the scope read. Send `Authorization: Bearer <token>`.",
                code="scope" if shown else "token", status=403 if shown else 401,
            )  # fmt: skip
        return known[1]

    async def _reads(self, request: Request) -> bool:
        """Say whether whoever asks may read what neighbours posted."""
        try:
            return (await self._store(request)).posted
        except Refused:
            return False

    async def _number(self) -> None:
        """Give every register and stream of the city its number, once and for all; those without tables yet have to wait."""
        tables = {entity: register_table(self._city, entity) for entity in self._city.entities}
        tables |= {stream: stream_table(self._city, stream).latest for stream in self._city.streams}
        if tables.keys() <= self._sources.keys():
            return
        async with self._pool.connection() as conn:
            await conn.execute(
                "INSERT INTO sensorthings_source (dataset) SELECT dataset FROM unnest(%s::text[]) AS new (dataset)"
                " WHERE NOT EXISTS (SELECT 1 FROM sensorthings_source AS s WHERE s.dataset = new.dataset) ON CONFLICT DO NOTHING",
                [list(tables)],
            )
            cursor = await conn.execute(
                "SELECT dataset, s.id FROM unnest(%s::text[], %s::text[]) AS t (dataset, name) JOIN sensorthings_source AS s"
                " USING (dataset) WHERE to_regclass(t.name) IS NOT NULL",
                [list(tables), list(tables.values())],
            )
            self._sources = {str(dataset): int(number) for dataset, number in await cursor.fetchall()}

    async def _past(self, request: Request, store: Store, target: Target) -> Store | None:
        """Return the store with the history of the city's Datastream a path leads into; None for any other path."""
        match target.hops:
            case (Hop(kind=Kind(name="Datastream"), id=int(number)), Hop(kind=Kind(name="Observation"))) if is_citys(
                target.hops[0].kind, number
            ):
                pass
            case _:
                return None
        shown = shown_of(number, self._sources)
        if shown is None or "Observation" not in store.arms:
            return None
        async with self._connection() as conn:
            # Through the store: only an entity whoever asks may see has a Datastream there.
            await answering.id_of(conn, store, Target(target.hops[:1]))
            key = await answering.key_of(conn, table_of(self._city, shown.stream), shown.row)
        options = read_options(request.query)
        rows = 1 if target.hops[1].id is not None else (PAGE if options.top is None else options.top) + 1
        if target.hops[1].id is not None:
            options = Options(filter=None, count=True)
        return await asyncio.to_thread(history, self._city, self._sources, shown, key, options, store, rows)

    # --- writing --------------------------------------------------------------------------------------------------------

    async def _post(self, request: Request, target: Target) -> Reply:
        if target.one or target.steps or target.tail:
            raise Refused("POST makes entities in a collection, e.g. Things or Things(1)/Datastreams.", code="method", status=405)
        body = decode(request.body)
        kind = target.kind
        now = dt.datetime.now(dt.UTC)
        given = {}
        if target.above is not None:
            hop = target.hops[-1]
            owner = await self._one(target.above)
            back = _back(target.above.kind, kind, hop.link.name if hop.link else "")
            given = {back: owner}
        if kind.name == "Observation" and (row := simple_row(body, given, now)) is not None:
            require_posted(KINDS["Datastream"], row.datastream, self._sources)
            # Of a group that stands or falls together none is written with other people's.
            if TOGETHER.get() is None:
                number = await self._group.put(row, _sender(request))
                headers = (("location", f"{request.root}/Observations({number})"),)
                return Reply(201, told(number, row, request.root).encode(), headers=headers)
        async with self._connection() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
            writing = Writing(conn, self._numbers, now)
            number = await writing.create(kind, body, given)
            await note(conn, request.visitor, "create", kind.name, number, writing.told)
            await self._leave(conn, writing.told)
        return await self._made(request, kind, number)

    async def _made(self, request: Request, kind: Kind, number: int) -> Reply:
        location = f"{request.root}/{kind.set}({number})"
        if "return=minimal" in request.headers.get("prefer", ""):
            return Reply(201, headers=(("location", location), ("preference-applied", "return=minimal")))
        async with self._connection() as conn:
            text = await answering.entity_json(conn, Store(), kind, number, request.root)
        return Reply(201, text.encode(), headers=(("location", location),))

    async def _change(self, request: Request, target: Target) -> Reply:
        if not target.one or target.steps or target.tail:
            raise Refused(f"{request.method} changes one entity, e.g. Things(1).", code="method", status=405)
        number = await self._one(target)
        body = decode(request.body)
        kind = target.kind
        whole = request.method == "PUT"
        reads = await self._reads(request)
        if not reads and "json-patch" in request.headers.get("content-type", ""):
            # Its tests would tell what stands there to somebody who may only write.
            raise Refused("A JSON Patch needs a token with the scope read, too.", code="scope", status=403)
        async with self._connection() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
            if "json-patch" in request.headers.get("content-type", ""):
                before = await answering.entity_now(conn, Store(), kind, number)
                body = apply_patch(kind, before, body)
            writing = Writing(conn, self._numbers, dt.datetime.now(dt.UTC))
            await writing.update(kind, number, body, whole=whole)
            await note(conn, request.visitor, "update", kind.name, number, writing.told)
            await self._leave(conn, writing.told)
        if not reads:
            return Reply(200, b"{}")
        async with self._connection() as conn:
            text = await answering.entity_json(conn, Store(), kind, number, request.root)
        return Reply(200, text.encode())

    async def _delete(self, request: Request, target: Target) -> Reply:
        if target.steps or target.tail:
            raise Refused("DELETE takes an entity, or a collection with $filter.", code="method", status=405)
        kind = target.kind
        if target.one:
            number = await self._one(target)
            async with self._connection() as conn, conn.transaction():
                await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
                writing = Writing(conn, self._numbers, dt.datetime.now(dt.UTC))
                await writing.delete(kind, number)
                await note(conn, request.visitor, "delete", kind.name, number, writing.told)
            return Reply(200, b"{}")
        async with self._connection() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
            numbers = await answering.matching(conn, Store(), target, request.query, MOST_DELETED)
            if len(numbers) > MOST_DELETED:
                raise Malformed(f"$filter finds more than {MOST_DELETED:,}. Delete in parts.", code="query", status=400)
            writing = Writing(conn, self._numbers, dt.datetime.now(dt.UTC))
            if numbers:
                await writing.delete_many(kind, numbers)
                await note(conn, request.visitor, "delete", kind.name, numbers[0], writing.told, count=len(numbers))
        return Reply(200, msgspec.json.encode({"deleted": len(numbers)}))

    async def _create_observations(self, request: Request) -> Reply:
        body = decode(request.body)
        async with self._connection() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
            answers, written = await arrays.create(conn, self._numbers, body, dt.datetime.now(dt.UTC), MOST_ROWS)
            ids = [one for one in answers if isinstance(one, int)]
            if ids:
                await write_receipts(conn, [receipts(_sender(request), ids)])
                await self._leave(conn, [("Observation", number, None) for number in ids])
        if not written and answers and len(set(answers)) == 1:
            raise Malformed(str(answers[0]), code="body", status=400)
        lead = f"{request.root}/Observations("
        links = [f"{lead}{one})" if isinstance(one, int) else f"error: {one}" for one in answers]
        return Reply(201, msgspec.json.encode(links))

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """A connection for one step: that of the group of a batch the request belongs to, or one of its own."""
        held = TOGETHER.get()
        if held is not None:
            yield held
            return
        async with self._pool.connection() as conn:
            yield conn

    @contextlib.asynccontextmanager
    async def _together(self) -> AsyncIterator[None]:
        """Whatever is asked inside is one transaction: an exception that leaves it takes everything back."""
        async with self._pool.connection() as conn, conn.transaction():
            await conn.execute(f"SET LOCAL statement_timeout = '{WRITE_WITHIN_S}s'")
            before = TOGETHER.set(conn)
            try:
                yield
            finally:
                TOGETHER.reset(before)

    async def _leave(self, conn: AsyncConnection[TupleRow], told: Sequence[tuple[str, int, list[str] | None]]) -> None:
        """Note changes for subscribers, when there is a broker to tell them."""
        if self._tells and told:
            await leave(conn, told)

    async def _one(self, target: Target) -> int:
        """Return the id of the entity a path leads to. Raises NotFound."""
        first = target.hops[0]
        if first.id is not None:
            require_posted(first.kind, first.id, self._sources)
        if len(target.hops) == 1 and first.id is not None:
            return first.id
        async with self._connection() as conn:
            return await answering.id_of(conn, Store(), target)


def _store_of(city: City, sources: dict[str, int], actor: Actor) -> tuple[Store, bool]:
    """Return what an actor may read, and whether a grant is among the reasons it may have."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        return store_for(city, sources, actor, policy.scope(actor, DATASET).allowed), grants.names(actor)
    finally:
        close_old_connections()


def _narrowed(store: Store, target: Target) -> Store:
    """Return only the half of a store a path can lead through: what is posted and what is the city's own are never linked."""
    first = target.hops[0]
    if not store.arms or first.id is None:
        return store
    if is_citys(first.kind, first.id):
        return replace(store, posted=False)
    return Store(store.posted)


def _sender(request: Request) -> Sender:
    account = request.visitor.actor.account_id
    return Sender(f"account:{account}" if account else request.visitor.actor.name, request.visitor.token)


def _back(owner: Kind, kind: Kind, link: str) -> str:
    """Return the link of a new entity that leads to the one it is made under."""
    there = owner.links_by_name[link]
    for back in kind.links:
        if back.to == owner.name and (
            (there.through and back.through and there.through[0] == back.through[0])
            or (not there.through and not back.through and back.column == there.column)
        ):
            return back.name
    raise NotFound(f"A {kind.name} cannot be made under a {owner.name}.")


def _problem(status: int, sentence: str, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    body = msgspec.json.encode({"code": status, "type": "error", "message": sentence})
    return Reply(status, body, headers=headers)
