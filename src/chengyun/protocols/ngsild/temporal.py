# SPDX-License-Identifier: Apache-2.0
"""Operations on history: /temporal/entities and what stands below it (clauses 5.6.11 to 5.6.16, 5.7.3, 5.7.4)."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from psycopg.types.json import Jsonb

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild import history
from chengyun.protocols.ngsild.answers import NOTHING, created, page, paging_links, resource
from chengyun.protocols.ngsild.asking import Ask, Parameters, read_ask
from chengyun.protocols.ngsild.documents import Entity, read_attribute, read_entity, read_fragment
from chengyun.protocols.ngsild.entities import clock, require_id
from chengyun.protocols.ngsild.evolution import (
    TEMPORAL,
    Span,
    form_of,
    read_span,
    render_evolution,
    render_figures,
)  # fmt: skip
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.objects import query_object
from chengyun.protocols.ngsild.parameters import QUERY, VIEW, query_of, view_of
from chengyun.protocols.ngsild.problems import absent, bad, invalid
from chengyun.protocols.ngsild.rendering import CORE_MEMBERS, View
from chengyun.protocols.ngsild.selecting import Query, Where

__all__ = [
    "add", "create", "delete", "delete_attribute", "delete_instance", "modify_instance", "query", "query_by_post", "retrieve",
]  # fmt: skip

MOST_FIGURES = 100_000
_EVERYWHERE = Where()
_FORMS = {"temporalValues", "aggregatedValues"}


async def create(house: House, request: Request) -> Reply:
    """POST /temporal/entities"""
    Parameters(request.query, ())
    ask = await read_ask(request, house.library, body=True)
    entity = read_entity(ask.body, ask.terms, history=True)
    now, _ = clock()
    async with house.writing(request.visitor) as conn:
        await house.place(entity)
        new = await history.add(conn, ask.tenant, entity, now)
        await house.audit(conn, request.visitor, "history_create", [entity.id], ask.tenant)
    return created("temporal/entities", entity.id, ask) if new else NOTHING


async def add(house: House, request: Request, name: str) -> Reply:
    """POST /temporal/entities/{id}/attrs"""
    Parameters(request.query, ())
    entity_id = require_id(name)
    ask = await read_ask(request, house.library, body=True)
    if not isinstance(ask.body, dict) or not ask.body:
        raise bad("The body is a JSON object with at least one attribute.")
    fragment = read_fragment(ask.body, ask.terms, history=True)
    now, _ = clock()
    async with house.writing(request.visitor) as conn:
        known = await _head(conn, ask, entity_id, _EVERYWHERE)
        await history.add(conn, ask.tenant, fragment, now, known=known[0])
        await house.audit(conn, request.visitor, "history_add", [entity_id], ask.tenant)
    return NOTHING


async def delete(house: House, request: Request, name: str) -> Reply:
    """DELETE /temporal/entities/{id}"""
    Parameters(request.query, ())
    entity_id = require_id(name)
    ask = await read_ask(request, house.library)
    async with house.writing(request.visitor) as conn:
        known = await _head(conn, ask, entity_id, _EVERYWHERE)
        await conn.execute("DELETE FROM ngsild_historyinstance WHERE history_id = %s", [known[0]])
        await conn.execute("DELETE FROM ngsild_history WHERE id = %s", [known[0]])
        await house.audit(conn, request.visitor, "history_delete", [entity_id], ask.tenant)
    return NOTHING


async def delete_attribute(house: House, request: Request, name: str, attribute: str) -> Reply:
    """DELETE /temporal/entities/{id}/attrs/{attribute}"""
    params = Parameters(request.query, {"datasetId", "deleteAll"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library)
    iri = ask.terms.expand(unquote(attribute))
    dataset = params.text("datasetId")
    dataset = "" if dataset == "@none" else dataset
    async with house.writing(request.visitor) as conn:
        known = await _head(conn, ask, entity_id, _EVERYWHERE)
        done = await conn.execute(
            "DELETE FROM ngsild_historyinstance WHERE history_id = %s AND name = %s"
            " AND (%s OR coalesce(instance ->> 'datasetId', '') = %s)",
            [known[0], iri, params.flag("deleteAll"), dataset],
        )
        if not done.rowcount:
            raise absent("The entity's history has no such attribute.")
        await house.audit(conn, request.visitor, "history_delete_attribute", [entity_id], ask.tenant)
    return NOTHING


async def modify_instance(house: House, request: Request, name: str, attribute: str, instance: str) -> Reply:
    """PATCH /temporal/entities/{id}/attrs/{attribute}/{instance}"""
    Parameters(request.query, ())
    if not attribute:
        raise invalid("The address names no attribute.", status=405)
    entity_id, number = require_id(name), _instance_id(instance)
    ask = await read_ask(request, house.library, body=True, patch=True)
    iri = ask.terms.expand(unquote(attribute))
    body = ask.body
    if isinstance(body, dict) and unquote(attribute) in body:
        body = body[unquote(attribute)]
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != "@context"}
    fragment = read_attribute(body, ask.terms, unquote(attribute), partial=True)[0]
    now, _ = clock()
    async with house.writing(request.visitor) as conn:
        known = await _head(conn, ask, entity_id, _EVERYWHERE)
        done = await conn.execute(
            "UPDATE ngsild_historyinstance SET instance = instance || %s, observed_at = coalesce(%s, observed_at),"
            " modified_at = %s WHERE history_id = %s AND name = %s AND instance_id = %s",
            [Jsonb(fragment), fragment.get("observedAt"), now, known[0], iri, number],
        )
        if not done.rowcount:
            raise absent("The entity's history has no such instance.")
        await house.audit(conn, request.visitor, "history_modify", [entity_id], ask.tenant)
    return NOTHING


async def delete_instance(house: House, request: Request, name: str, attribute: str, instance: str) -> Reply:
    """DELETE /temporal/entities/{id}/attrs/{attribute}/{instance}"""
    Parameters(request.query, ())
    entity_id, number = require_id(name), _instance_id(instance)
    ask = await read_ask(request, house.library)
    iri = ask.terms.expand(unquote(attribute))
    async with house.writing(request.visitor) as conn:
        known = await _head(conn, ask, entity_id, _EVERYWHERE)
        done = await conn.execute(
            "DELETE FROM ngsild_historyinstance WHERE history_id = %s AND name = %s AND instance_id = %s", [known[0], iri, number]
        )
        if not done.rowcount:
            raise absent("The entity's history has no such instance.")
        await house.audit(conn, request.visitor, "history_delete_instance", [entity_id], ask.tenant)
    return NOTHING


async def retrieve(house: House, request: Request, name: str) -> Reply:
    """GET /temporal/entities/{id}"""
    params = Parameters(request.query, {*VIEW, *TEMPORAL, "type"})
    entity_id = require_id(name)
    ask = await read_ask(request, house.library)
    span = read_span(params, needed=False)
    form, system = form_of(params, span)
    view = replace(view_of(params, ask.terms, forms=("normalized", *_others())), system=system, form="normalized")
    allowed = await house.allowed(request.visitor)
    async with house.reading() as conn:
        known = await history.head(conn, ask.tenant, entity_id, allowed)
        if known is None:
            if not ask.tenant and house.packs.knows(entity_id):
                return await _pack(house, request, ask, entity_id, span, view, form)
            raise absent(f"There is no history of {entity_id}.")
        shown, headers = await _show(house, conn, [known], span, view, form)
    found = shown[0]
    if view.pick is not None and not any(member in found for member in found):
        raise absent("The history holds nothing of what was asked for.")
    wanted = view.attrs is not None or view.pick is not None
    bare = set(found) <= {"id", "type", "createdAt", "modifiedAt", "deletedAt"}
    if not found or (wanted and bare and not (view.pick is not None and CORE_MEMBERS & view.pick.keys())):
        raise absent(f"The history of {entity_id} holds nothing of what was asked for.")
    return _partial(await resource(ask, house.library, found, headers=headers))


async def query(house: House, request: Request) -> Reply:
    """GET /temporal/entities"""
    params = Parameters(request.query, {*VIEW, *QUERY, *TEMPORAL})
    ask = await read_ask(request, house.library)
    wanted = query_of(params, ask.terms)
    span = read_span(params, needed=False)
    form, system = form_of(params, span)
    view = replace(view_of(params, ask.terms, forms=("normalized", *_others())), system=system, form="normalized")
    return await _answer(house, request, ask, wanted, span, view, form)


async def query_by_post(house: House, request: Request) -> Reply:
    """POST /temporal/entityOperations/query"""
    params = Parameters(request.query, {"limit", "offset", "count"})
    ask = await read_ask(request, house.library, body=True)
    given = ask.body.get("temporalQ", {}) if isinstance(ask.body, dict) else {}
    if not isinstance(given, dict):
        raise bad("temporalQ is a JSON object with timerel and timeAt.")
    aggregated = ask.body.get("aggrParams", {}) if isinstance(ask.body, dict) else {}
    span = read_span({**given, **_joined(aggregated)}, needed=True)
    form, system = form_of(params, span)
    bare = Parameters("&".join(part for part in request.query.split("&") if not part.startswith(("options=", "format="))), QUERY)
    wanted, view, _ = query_object(ask.body, bare, ask.terms)
    return await _answer(house, request, ask, wanted, span, replace(view, system=system), form)


async def _answer(house: House, request: Request, ask: Ask, wanted: Query, span: Span, view: View, form: str) -> Reply:
    allowed = await house.allowed(request.visitor)
    async with house.reading() as conn:
        one_more = replace(wanted, limit=wanted.limit + 1 if wanted.limit else 0)
        heads, total = await history.find_heads(conn, ask.tenant, one_more, span, allowed)
        more = len(heads) > wanted.limit > 0
        heads = heads[: wanted.limit]
        shown, headers = await _show(house, conn, heads, span, view, form) if heads else ([], [])
    reply = await page(
        ask, house.library, [one for one in shown if one], total, paging_links(ask, wanted.limit, wanted.offset, more)
    )
    return _partial(replace(reply, headers=(*reply.headers, *headers)))


async def _show(
    house: House, conn: Any, heads: list[tuple[int, Entity]], span: Span, view: View, form: str
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the entities over time, and the headers that say which part of time the answer covers (clause 6.3.10)."""
    numbers = [number for number, _ in heads]
    if form == "aggregatedValues":
        found = await history.figures(conn, numbers, span, view, MOST_FIGURES)
        return [render_figures(entity, found.get(number, []), view, span.methods) for number, entity in heads], []
    part = await history.instances(conn, numbers, span, view, house.most_instances)
    names = await history.names_within(conn, numbers, span, view) if part.cut else {}
    shown = [
        render_evolution(entity, [one for owner, one in part if owner == number], view, form, sorted(names.get(number, [])))
        for number, entity in heads
    ]
    return shown, [("Content-Range", _range(part, span))] if part.cut else []


def _range(part: history.Part, span: Span) -> str:
    times = [one.time for _, one in part if one.time is not None]
    first, final = min(times), max(times)
    begin, end = (span.before or final, first) if span.last else (span.after or first, final)
    size = str(span.last) if span.last else "*"
    return f"date-time {begin:%Y-%m-%dT%H:%M:%SZ}-{end:%Y-%m-%dT%H:%M:%SZ}/{size}"


def _partial(reply: Reply) -> Reply:
    """Return 206 where the answer covers a part of the time asked for."""
    return replace(reply, status=206) if any(name == "Content-Range" for name, _ in reply.headers) else reply


async def _pack(house: House, request: Request, ask: Ask, entity_id: str, span: Span, view: View, form: str) -> Reply:
    entity, tracked = await house.packs.evolution(house, request.visitor.actor, entity_id, span, house.most_instances)
    kept = [one for one in tracked if view.shows(one.name)]
    if form == "aggregatedValues":
        raise bad("Figures per period of the city's own streams are indicators. Ask for temporalValues.")
    return await resource(ask, house.library, render_evolution(entity, kept, view, form))


async def _head(conn: Any, ask: Ask, entity_id: str, allowed: Where) -> tuple[int, Entity]:
    known = await history.head(conn, ask.tenant, entity_id, allowed)
    if known is None:
        raise absent(f"There is no history of {entity_id}.")
    return known


def _instance_id(text: str) -> uuid.UUID:
    name = unquote(text)
    try:
        return uuid.UUID(name.rpartition(":")[2]) if ":" in name else uuid.UUID(f"not {name}")
    except ValueError:
        if ":" not in name:
            raise bad(f"{name[:80]!r} is no instance id; they are URIs such as urn:ngsi-ld:Instance:….") from None
        raise absent("The entity's history has no such instance.") from None


def _joined(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {key: ",".join(value) if isinstance(value, list) else str(value) for key, value in given.items()}


def _others() -> tuple[str, ...]:
    return ("temporalValues", "aggregatedValues", "concise", "simplified", "keyValues")
