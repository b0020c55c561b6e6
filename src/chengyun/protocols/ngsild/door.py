# SPDX-License-Identifier: Apache-2.0
"""The NGSI-LD door: addresses → operations, Problems → NGSI-LD's own errors.

Standard: ETSI GS CIM 009 V1.8.1, clause 6. docs/ngsi-ld.md says what is offered and what is not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import psycopg

from chengyun.errors import Problem
from chengyun.protocols.door import Given, Reply, Request
from chengyun.protocols.ngsild import batches, discovery, entities, hosted, registrations, subscriptions, temporal
from chengyun.protocols.ngsild.contexts import Library, read_pins
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.outbound import Reach
from chengyun.protocols.ngsild.outbox import Watches
from chengyun.protocols.ngsild.packs import PackEntities
from chengyun.protocols.ngsild.problems import absent, bad, invalid, reply_of, too_complex
from chengyun.protocols.ngsild.sender import Sender
from chengyun.protocols.ngsild.sources import Sources, alias_of

__all__ = ["NgsildDoor", "open_door"]

Operation = Callable[..., Awaitable[Reply]]

_ROUTES: dict[str, dict[str, Operation]] = {
    r"/entities/?": {"POST": entities.create, "GET": entities.query, "DELETE": entities.purge, "PATCH": entities.without_id,
        "PUT": entities.without_id},
    r"/entities/([^/]+)/?": {
        "GET": entities.retrieve, "PATCH": entities.merge, "PUT": entities.replace_entity, "DELETE": entities.delete,
    },
    r"/entities/([^/]*)/attrs/?": {"POST": entities.append, "PATCH": entities.update},
    r"/entities/([^/]*)/attrs/([^/]+)/?": {
        "PATCH": entities.partial_update, "PUT": entities.replace_attribute, "DELETE": entities.delete_attribute,
    },
    r"/entityOperations/create/?": {"POST": batches.create},
    r"/entityOperations/upsert/?": {"POST": batches.upsert},
    r"/entityOperations/update/?": {"POST": batches.update},
    r"/entityOperations/merge/?": {"POST": batches.merge},
    r"/entityOperations/delete/?": {"POST": batches.delete},
    r"/entityOperations/query/?": {"POST": batches.query},
    r"/temporal/entities/?": {"POST": temporal.create, "GET": temporal.query},
    r"/temporal/entities/([^/]+)/?": {"GET": temporal.retrieve, "DELETE": temporal.delete},
    r"/temporal/entities/([^/]*)/attrs/?": {"POST": temporal.add},
    r"/temporal/entities/([^/]*)/attrs/([^/]+)/?": {"DELETE": temporal.delete_attribute},
    r"/temporal/entities/([^/]*)/attrs/([^/]*)/([^/]+)/?": {
        "PATCH": temporal.modify_instance, "DELETE": temporal.delete_instance,
    },
    r"/temporal/entityOperations/query/?": {"POST": temporal.query_by_post},
    r"/subscriptions/?": {
        "POST": subscriptions.create, "GET": subscriptions.query},
    r"/subscriptions/([^/]+)/?": {
        "GET": subscriptions.retrieve, "PATCH": subscriptions.update, "DELETE": subscriptions.delete,
    },
    r"/types/?": {"GET": discovery.types},
    r"/types/([^/]+)/?": {"GET": discovery.entity_type},
    r"/attributes/?": {"GET": discovery.attributes},
    r"/attributes/([^/]+)/?": {"GET": discovery.attribute},
    r"/jsonldContexts/?": {"POST": hosted.add, "GET": hosted.list_all},
    r"/jsonldContexts/([^/]+)/?": {"GET": hosted.serve, "DELETE": hosted.delete},
    **registrations.operations(),
}  # fmt: skip


class NgsildDoor:
    """See chengyun.protocols.door.Door."""

    prefix = "/ngsi-ld/v1"

    def __init__(self) -> None:
        self._house: House | None = None
        self._sending: asyncio.Task[None] | None = None
        self._routes = [(re.compile(pattern), by_method) for pattern, by_method in _ROUTES.items()]

    async def open(self, given: Given) -> None:
        reach = Reach(given.config.ngsild_hosts)
        library = Library(given.pool, read_pins(given.config.ngsild_contexts), reach)
        address = given.config.protocols_url or f"http://{given.config.host}:{given.config.protocols_port}"
        house = House(
            given.pool, library, reach, PackEntities(given.city), Watches(library), address + self.prefix,
            sources=Sources(given.pool, reach, alias_of(given.config.node, given.config.secret)),
            most_instances=given.config.ngsild_instances,
        )  # fmt: skip
        sender = Sender(house)
        house.wake = sender.wake
        self._house = house
        self._sending = asyncio.get_running_loop().create_task(sender.run())

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._house is not None and self._house.sources is not None:
            self._house.sources.close()
        self._house = None

    async def answer(self, request: Request) -> Reply:
        """Answer one request; whatever is wrong with it is told as NGSI-LD tells errors."""
        try:
            return await self._answer(request)
        except Problem as problem:
            return reply_of(problem)
        except psycopg.errors.QueryCanceled:
            return reply_of(too_complex("The question took too long to answer. Ask for less: by type, by id, with a limit."))
        except psycopg.DataError as wrong:
            return reply_of(bad(f"The database cannot keep or compare this: {str(wrong).splitlines()[0][:200]}."))

    async def _answer(self, request: Request) -> Reply:
        if self._house is None:
            raise absent("The door is closed.")
        method = "GET" if request.method == "HEAD" else request.method
        for pattern, by_method in self._routes:
            if found := pattern.fullmatch(request.raw_path):
                operation = by_method.get(method)
                if operation is None:
                    raise invalid(f"{method} is not possible here; {', '.join(by_method)} are.", status=405)
                return await operation(self._house, request, *found.groups())
        raise absent(f"There is nothing under {request.path[:120]}.")


def open_door() -> NgsildDoor:
    return NgsildDoor()
