# SPDX-License-Identifier: Apache-2.0
"""Operations on many entities at once: /entityOperations (clauses 5.6.7 to 5.6.10, 5.6.20, 5.7.2).

Each entity stands for itself: those that can be written are, in one transaction; the others are told with their reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from chengyun.errors import Problem
from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild import merging, store
from chengyun.protocols.ngsild.answers import NOTHING
from chengyun.protocols.ngsild.asking import Parameters, accepted, context_of, link_context, read_ask, read_body, tenant_of
from chengyun.protocols.ngsild.contexts import Library
from chengyun.protocols.ngsild.documents import Entity, read_entity, read_fragment
from chengyun.protocols.ngsild.entities import ALL, answer_query, clock
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.objects import query_object
from chengyun.protocols.ngsild.problems import absent, bad, exists, problem_details
from chengyun.protocols.ngsild.store import Edit
from chengyun.protocols.ngsild.terms import CORE
from chengyun.protocols.ngsild.vocabulary import JSON, JSON_LD, is_uri

__all__ = ["create", "delete", "merge", "query", "update", "upsert"]

MOST = 10_000
Errors = list[dict[str, Any]]


async def create(house: House, request: Request) -> Reply:
    """POST /entityOperations/create"""
    Parameters(request.query, ())

    def change(before: Entity | None, sent: Entity, text: str) -> Entity:
        if before is not None or house.packs.knows(sent.id):
            raise exists(f"The entity {sent.id} is here already.")
        return merging.born(sent, text)

    done, errors, _ = await _batch(house, request, change, "create", whole=True)
    return _told(201, done, errors, done)


async def upsert(house: House, request: Request) -> Reply:
    """POST /entityOperations/upsert"""
    mode = Parameters(request.query, ()).options({"replace", "update"})

    def change(before: Entity | None, sent: Entity, text: str) -> Entity:
        if house.packs.knows(sent.id):
            raise exists(f"{sent.id} belongs to a pack of this city.")
        if before is None:
            return merging.born(sent, text)
        return merging.append(before, sent, text)[0] if "update" in mode else merging.replace_entity(before, sent, text)

    done, errors, new = await _batch(house, request, change, "upsert", whole=True)
    return _told(201 if new else 204, done, errors, new)


async def update(house: House, request: Request) -> Reply:
    """POST /entityOperations/update"""
    overwrite = "noOverwrite" not in Parameters(request.query, ()).options({"noOverwrite"})

    left: Errors = []

    def change(before: Entity | None, sent: Entity, text: str) -> Entity:
        after, _, kept = merging.append(_required(before, sent), sent, text, overwrite=overwrite)
        if kept:
            left.append(_error(sent.id, exists(f"Not overwritten, as asked: {', '.join(kept)[:400]}.")))
        return after

    done, errors, _ = await _batch(house, request, change, "update")
    return _told(204, done, errors + left, [])


async def merge(house: House, request: Request) -> Reply:
    """POST /entityOperations/merge"""
    Parameters(request.query, {"observedAt", "lang"}).options({"keyValues", "simplified", "concise"})

    def change(before: Entity | None, sent: Entity, text: str) -> Entity:
        return merging.merge(_required(before, sent), sent, text)

    done, errors, _ = await _batch(house, request, change, "merge", partial=True)
    return _told(204, done, errors, [])


async def delete(house: House, request: Request) -> Reply:
    """POST /entityOperations/delete"""
    Parameters(request.query, ())
    accepted(request.headers, (JSON, JSON_LD))
    listed, _ = read_body(request)
    ids = _listed(listed)
    errors: Errors = []
    for one in [one for one in ids if not is_uri(one)]:
        errors.append(_error(str(one), bad(f"{str(one)[:80]!r} is no entity id.")))
    tenant = tenant_of(request.headers)
    now, _text = clock()
    seen: set[str] = set()
    async with house.writing(request.visitor) as conn:
        here = await store.lock(conn, tenant, [one for one in ids if is_uri(one)])
        for one in ids:
            if is_uri(one) and (one not in here or one in seen):
                errors.append(_error(one, absent(f"There is no entity {one}.")))
            seen.add(str(one))
        await house.commit(conn, request.visitor, tenant, [Edit(entity, None) for entity in here.values()], "batch_delete", now)
    return _told(204, list(here), errors, [])


async def query(house: House, request: Request) -> Reply:
    """POST /entityOperations/query"""
    params = Parameters(request.query, {"limit", "offset", "count", "containedBy", "entityMap", "splitEntities"})
    ask = await read_ask(request, house.library, offered=ALL, body=True)
    wanted, view, join = query_object(ask.body, params, ask.terms)
    return await answer_query(house, request, ask, wanted, view, join, local=params.flag("local"))


async def _batch(
    house: House, request: Request, change: Callable[[Entity | None, Entity, str], Entity], action: str, *,
    whole: bool = False, partial: bool = False,
) -> tuple[list[str], Errors, list[str]]:  # fmt: skip
    """Apply a change to every entity of the body. Returns the ids written, the errors, and the ids that came."""
    listed, is_ld = read_body(request)
    accepted(request.headers, (JSON, JSON_LD))
    linked = link_context(request.headers)
    _refuse_link(linked, is_ld)
    tenant = tenant_of(request.headers)
    errors: Errors = []
    sent: list[Entity] = []
    for document in _listed(listed):
        try:
            sent.append(await _read(document, house.library, linked, is_ld, whole, partial))
        except Problem as wrong:
            if wrong.code == "LdContextNotAvailable" and len(listed) == 1:
                raise
            name = document.get("id", "") if isinstance(document, dict) else ""
            errors.append(_error(str(name), wrong))
    now, text = clock()
    done: dict[str, None] = {}
    new: list[str] = []
    async with house.writing(request.visitor) as conn:
        before = await store.lock(conn, tenant, [one.id for one in sent])
        # An id that comes twice meets what the first one left, in the order sent.
        after: dict[str, Entity] = dict(before)
        for one in sent:
            try:
                after[one.id] = change(after.get(one.id), one, text)
            except Problem as wrong:
                errors.append(_error(one.id, wrong))
                continue
            if one.id not in before and one.id not in done:
                new.append(one.id)
            done[one.id] = None
        edits = [Edit(before.get(name), after[name]) for name in done]
        await house.commit(conn, request.visitor, tenant, edits, f"batch_{action}", now)
    return list(done), errors, new


async def _read(document: Any, library: Library, linked: str, is_ld: bool, whole: bool, partial: bool) -> Entity:
    given = context_of(document, linked, is_ld)
    terms = await library.terms(given) if given is not None else CORE
    if whole:
        return read_entity(document, terms)
    fragment = read_fragment(document, terms, partial=partial)
    if not is_uri(fragment.id):
        raise bad(f"The entity's id is {fragment.id[:80]!r}, expected a URI.")
    return fragment


def _refuse_link(linked: str, is_ld: bool) -> None:
    if linked and is_ld:
        raise bad("A JSON-LD body brings its @context inside; a Link header cannot name another.")


def _listed(listed: Any) -> list[Any]:
    if not isinstance(listed, list) or not listed:
        raise bad("The body is a JSON array with at least one element.")
    if len(listed) > MOST:
        raise bad(f"The batch has {len(listed)} elements; at most {MOST} are taken at once.")
    return listed


def _required(before: Entity | None, sent: Entity) -> Entity:
    if before is None:
        raise absent(f"There is no entity {sent.id}.")
    return before


def _error(name: str, wrong: Problem) -> dict[str, Any]:
    return {"entityId": name, "error": problem_details(wrong)}


def _told(status: int, done: list[str], errors: Errors, ids: list[str]) -> Reply:
    if errors:
        return Reply(207, msgspec.json.encode({"success": done, "errors": errors}))
    return NOTHING if status == 204 else Reply(status, msgspec.json.encode(ids))
