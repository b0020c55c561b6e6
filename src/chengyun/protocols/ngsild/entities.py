# SPDX-License-Identifier: Apache-2.0
"""Operations on current entities: /entities and what stands below it (clauses 5.6.1 to 5.6.6, 5.6.17 to 5.6.21, 5.7.1, 5.7.2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild import history, merging, store
from chengyun.protocols.ngsild.answers import NOTHING, created, page, paging_links, resource
from chengyun.protocols.ngsild.asking import Parameters, read_ask
from chengyun.protocols.ngsild.documents import Entity, Instance, read_attribute, read_entity, read_fragment, stamp
from chengyun.protocols.ngsild.evolution import Span
from chengyun.protocols.ngsild.foreign import gather, hear, warned
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.linking import linked_entities
from chengyun.protocols.ngsild.parameters import QUERY, VIEW, query_of, view_of
from chengyun.protocols.ngsild.problems import absent, bad, exists, invalid
from chengyun.protocols.ngsild.rendering import View, feature, features, has_any, render
from chengyun.protocols.ngsild.selecting import Query, Where
from chengyun.protocols.ngsild.selections import read_type_selection
from chengyun.protocols.ngsild.store import Edit
from chengyun.protocols.ngsild.vocabulary import GEO_JSON, JSON, JSON_LD, is_uri

__all__ = [
    "answer_query", "append", "clock", "create", "delete", "delete_attribute", "house_get", "merge",
    "partial_update", "purge", "query", "replace_attribute", "replace_entity", "require_id", "retrieve", "update",
]  # fmt: skip

ALL = (JSON, JSON_LD, GEO_JSON)


def require_id(text: str) -> str:
    """Return an id from an address. Raises BadRequestData when it is no URI."""
    name = unquote(text)
    if not is_uri(name):
        raise bad(f"{name[:80]!r} is no entity id; ids are URIs such as urn:ngsi-ld:Vehicle:A4567.")
    return name


def clock() -> tuple[dt.datetime, str]:
    """Return now, and how it is written."""
    now = dt.datetime.now(dt.UTC)
    return now, stamp(now)


async def create(house: House, request: Request) -> Reply:
    """POST /entities"""
    Parameters(request.query, ())
    ask = await read_ask(request, house.library, body=True)
    entity = read_entity(ask.body, ask.terms)
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        if await store.lock(conn, ask.tenant, [entity.id]) or house.packs.knows(entity.id):
            raise exists(f"The entity {entity.id} is here already.")
        await house.commit(conn, request.visitor, ask.tenant, [Edit(None, merging.born(entity, text))], "create", now)
    return created("entities", entity.id, ask)


async def retrieve(house: House, request: Request, name: str) -> Reply:
    """GET /entities/{id}"""
    params = Parameters(request.query, {*VIEW, "type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, offered=ALL)
    view = view_of(params, ask.terms)
    query = Query(ids=(entity_id,), types=read_type_selection(params.text("type"), ask.terms) if params.text("type") else None)
    foreign = await hear(house, request, ask.tenant, "retrieve", query, local=params.flag("local"))
    found = foreign.whole(entity_id, (await house_get(house, request, ask.tenant, [entity_id])).get(entity_id))
    if found is None or not has_any(found, view):
        raise absent(f"There is no entity {entity_id}, or it has nothing of what was asked for.")
    linked, others = await linked_entities(house, request.visitor, ask.tenant, [found], view, params.text("join"))
    view = replace(view, linked=linked)
    if ask.accept == GEO_JSON:
        return warned(await resource(ask, house.library, feature(found, view)), foreign)
    shown: Any = render(found, view)
    if not shown:
        raise absent(f"The entity {entity_id} has nothing of what was asked for.")
    if params.text("join") == "flat":
        shown = [shown, *(render(one, own) for one, own in others)] if others else shown
    return warned(await resource(ask, house.library, shown), foreign)


async def house_get(house: House, request: Request, tenant: str, ids: list[str]) -> dict[str, Entity]:
    """Return entities by id, stored ones and those of packs, as far as the visitor may read them."""
    allowed = await house.allowed(request.visitor)
    async with house.reading() as conn:
        found = await store.get(conn, tenant, ids, allowed)
    missing = [one for one in ids if one not in found]
    if missing and not tenant and house.packs.any_of(missing):
        found |= await house.packs.get(house, request.visitor.actor, missing)
    return found


async def query(house: House, request: Request) -> Reply:
    """GET /entities"""
    params = Parameters(request.query, {*VIEW, *QUERY})
    ask = await read_ask(request, house.library, offered=ALL)
    wanted = query_of(params, ask.terms)
    view = view_of(params, ask.terms)
    return await answer_query(house, request, ask, wanted, view, params.text("join"), local=params.flag("local"))


async def answer_query(
    house: House, request: Request, ask: Any, wanted: Query, view: Any, join: str, *, local: bool = False
) -> Reply:  # fmt: skip
    """Answer a query, however it was asked. local: with what is held here alone."""
    foreign = await hear(house, request, ask.tenant, "query", wanted, local=local)
    found, total, more = await gather(house, request, ask.tenant, wanted, foreign)
    linked, others = await linked_entities(house, request.visitor, ask.tenant, found, view, join)
    view = replace(view, linked=linked)
    links = paging_links(ask, wanted.limit, wanted.offset, more)
    if ask.accept == GEO_JSON:
        return warned(await page(ask, house.library, features(found, view), total, links), foreign)
    shown = [render(one, view) for one in found]
    if join == "flat":
        shown += [render(one, own) for one, own in others]
    return warned(await page(ask, house.library, [one for one in shown if one], total, links), foreign)


async def append(house: House, request: Request, name: str) -> Reply:
    """POST /entities/{id}/attrs"""
    params = Parameters(request.query, {"type"})
    overwrite = "noOverwrite" not in params.options({"noOverwrite"})
    return await _fragment(house, request, name, lambda e, f, t: merging.append(e, f, t, overwrite=overwrite), "append")


async def update(house: House, request: Request, name: str) -> Reply:
    """PATCH /entities/{id}/attrs"""
    Parameters(request.query, {"type"})
    return await _fragment(house, request, name, merging.update, "update")


async def _fragment(house: House, request: Request, name: str, change: Any, action: str) -> Reply:
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True, patch=True)
    fragment = read_fragment(ask.body, ask.terms)
    _require_same(entity_id, fragment)
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        after, updated, left = change(before, fragment, text)
        if updated:
            await house.commit(conn, request.visitor, ask.tenant, [Edit(before, after)], action, now)
    if not left:
        return NOTHING
    return Reply(207, msgspec.json.encode(_update_result(updated, left)))


def _update_result(updated: list[str], left: list[str]) -> dict[str, Any]:
    reason = "It is here already and was not to be overwritten, or is not here to be deleted."
    return {
        "updated": updated,
        "notUpdated": [{"attributeName": one, "reason": reason} for one in left],
    }


async def merge(house: House, request: Request, name: str) -> Reply:
    """PATCH /entities/{id}"""
    params = Parameters(request.query, {"type", "observedAt", "lang"})
    params.options({"keyValues", "simplified", "concise"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True, patch=True)
    fragment = read_fragment(ask.body, ask.terms, partial=True)
    _require_same(entity_id, fragment)
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        assert before is not None
        await house.commit(conn, request.visitor, ask.tenant, [Edit(before, merging.merge(before, fragment, text))], "merge", now)
    return NOTHING


async def replace_entity(house: House, request: Request, name: str) -> Reply:
    """PUT /entities/{id}"""
    Parameters(request.query, {"type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True)
    new = read_entity(ask.body, ask.terms, entity_id=entity_id)
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        assert before is not None
        edit = Edit(before, merging.replace_entity(before, new, text))
        await house.commit(conn, request.visitor, ask.tenant, [edit], "replace", now)
    return NOTHING


async def without_id(_: House, request: Request) -> Reply:
    """PATCH and PUT /entities"""
    raise bad(f"{request.method} needs the id of an entity in its address.")


async def delete(house: House, request: Request, name: str) -> Reply:
    """DELETE /entities/{id}"""
    Parameters(request.query, {"type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library)
    now, _ = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        await house.commit(conn, request.visitor, ask.tenant, [Edit(before, None)], "delete", now)
    return NOTHING


async def partial_update(house: House, request: Request, name: str, attribute: str) -> Reply:
    """PATCH /entities/{id}/attrs/{attribute}"""
    Parameters(request.query, {"type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True, patch=True)
    iri = ask.terms.expand(unquote(attribute))
    body = {key: value for key, value in ask.body.items() if key != "@context"} if isinstance(ask.body, dict) else ask.body
    if not isinstance(body, dict) or not body:
        raise bad("An attribute fragment is a JSON object with at least one member.")
    fragment = read_attribute(_as_fragment(body), ask.terms, unquote(attribute), partial=True)[0]
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        assert before is not None
        edit = Edit(before, merging.partial_update(before, iri, fragment, text))
        await house.commit(conn, request.visitor, ask.tenant, [edit], "partial", now)
    return NOTHING


def _as_fragment(body: dict[str, Any]) -> dict[str, Any]:
    """Return a fragment that reads as an attribute: a GeoJSON geometry is its value."""
    return {"value": body} if "coordinates" in body and "type" in body else body


async def replace_attribute(house: House, request: Request, name: str, attribute: str) -> Reply:
    """PUT /entities/{id}/attrs/{attribute}"""
    Parameters(request.query, {"type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True)
    word = unquote(attribute)
    if word == "scope":
        raise bad("scope is no attribute. Change it with PATCH /entities/{id}/attrs.")
    iri = ask.terms.expand(word)
    body = {key: value for key, value in ask.body.items() if key != "@context"} if isinstance(ask.body, dict) else ask.body
    if isinstance(body, dict) and word in body and set(body) <= {word, "id", "type"}:
        body = body[word]
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        _require_here(house, before, entity_id)
        assert before is not None
        instances = read_attribute(body, ask.terms, word)
        after = merging.replace_attribute(before, iri, instances, text)
        await house.commit(conn, request.visitor, ask.tenant, [Edit(before, after)], "replace", now)
    return NOTHING


async def delete_attribute(house: House, request: Request, name: str, attribute: str) -> Reply:
    """DELETE /entities/{id}/attrs/{attribute}"""
    params = Parameters(request.query, {"datasetId", "deleteAll", "type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library)
    word = unquote(attribute)
    iri = word if word == "scope" else ask.terms.expand(word)
    dataset, every = params.text("datasetId"), params.flag("deleteAll")
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        before = (await store.lock(conn, ask.tenant, [entity_id])).get(entity_id)
        if before is None and await _end_in_history(house, conn, ask, entity_id, iri, dataset, now):
            return NOTHING
        _require_here(house, before, entity_id)
        assert before is not None
        after = merging.delete_attribute(before, iri, None if dataset in ("", "@none") else dataset, every, text)
        await house.commit(conn, request.visitor, ask.tenant, [Edit(before, after)], "delete_attribute", now)
    return NOTHING


async def _end_in_history(house: House, conn: Any, ask: Any, entity_id: str, name: str, dataset: str, now: Any) -> bool:
    """Note the end of an attribute of an entity that is known by its history alone. False when there is none."""
    known = await history.head(conn, ask.tenant, entity_id, Where())
    if known is None or known[1].deleted_at:
        return False
    if name == "scope":
        ends: list[tuple[str, Instance]] = [("scope", {"type": "Property", "value": []})]
    else:
        view = View(attrs=frozenset({name}), datasets=frozenset({"" if dataset == "@none" else dataset}))
        last = await history.instances(conn, [known[0]], Span(last=1), view, 1)
        ends = [(name, store.end_of(one.instance)) for _, one in last]
    if not ends:
        return False
    await history.end(conn, known[0], ends, now)
    await house.audit(conn, ask.request.visitor, "history_end", [entity_id], ask.tenant)
    return True


async def purge(house: House, request: Request) -> Reply:
    """DELETE /entities"""
    params = Parameters(request.query, {*QUERY, "keep", "drop"})
    ask = await read_ask(request, house.library)
    wanted = query_of(params, ask.terms, also=("id", "idPattern", "scopeQ"))
    if params.given("keep") and params.given("drop"):
        raise bad("keep and drop do not go together.")
    drop = {ask.terms.expand(one) for one in params.many("drop")} if params.given("drop") else None
    keep = {ask.terms.expand(one) for one in params.many("keep")} if params.given("keep") else None
    allowed = await house.allowed(request.visitor)
    now, text = clock()
    async with house.writing(request.visitor) as conn:
        while True:  # in parts, one transaction: memory stays bounded, and all of it happens or none
            found, _ = await store.select(conn, ask.tenant, replace(wanted, limit=1000, offset=0, count=False), allowed)
            locked = await store.lock(conn, ask.tenant, [one.id for one in found])
            whole = drop is None and keep is None
            edits = [
                Edit(one, None if whole else merging.purge_attributes(one, drop, keep, text))
                for one in locked.values()
                if whole or any(name in (drop or ()) or (keep is not None and name not in keep) for name in one.attributes)
            ]
            if not edits:
                break
            await house.commit(conn, request.visitor, ask.tenant, edits, "purge", now)
            if len(found) < 1000:
                break
    return NOTHING


def _require_same(entity_id: str, fragment: Entity) -> None:
    if fragment.id and fragment.id != entity_id:
        raise bad(f"The body speaks of {fragment.id[:80]!r}, the address of {entity_id[:80]!r}.")


def _require_here(house: House, entity: Entity | None, entity_id: str) -> None:
    if entity is None:
        if house.packs.knows(entity_id):
            raise invalid(f"{entity_id} belongs to a pack of this city; it is only read here.", status=403)
        raise absent(f"There is no entity {entity_id}.")
