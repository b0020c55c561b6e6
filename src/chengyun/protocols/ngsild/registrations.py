# SPDX-License-Identifier: Apache-2.0
"""Context source registrations as a register: kept, told, found. Sources are asked by sources.py; nobody is notified of changes.

Standard: ETSI GS CIM 009 V1.8.1, clauses 5.9 to 5.11. docs/ngsi-ld.md says what is left out.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import unquote

from psycopg.types.json import Jsonb

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild.answers import NOTHING, created, page, paging_links, resource
from chengyun.protocols.ngsild.asking import Ask, Parameters, read_ask
from chengyun.protocols.ngsild.documents import read_instant, stamp
from chengyun.protocols.ngsild.entities import clock
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.parameters import FARTHEST, LARGEST_PAGE, QUERY, USUAL_PAGE
from chengyun.protocols.ngsild.problems import absent, bad, exists, unsupported
from chengyun.protocols.ngsild.rendering import plain_instant
from chengyun.protocols.ngsild.sources import MODES
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import is_null, is_uri

__all__ = ["operations"]

WORD = "ContextSourceRegistration"

_INSERT = """
INSERT INTO ngsild_registration (tenant, registration_id, kind, document, created_at, modified_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
_LIST = """
SELECT document, created_at, modified_at FROM ngsild_registration
WHERE tenant = %(tenant)s AND kind = %(kind)s AND (%(types)s::text[] IS NULL OR EXISTS (
    SELECT FROM jsonb_path_query(document, '$.information[*].entities[*].type') AS t (type)
    WHERE t.type #>> '{}' = ANY(%(types)s::text[])))
  AND (%(ids)s::text[] IS NULL OR registration_id = ANY(%(ids)s::text[]) OR jsonb_path_exists(
    document, '$.information[*].entities[*].id ? (@ == $ids[*])', jsonb_build_object('ids', %(ids)s::text[])))
ORDER BY id LIMIT %(limit)s OFFSET %(offset)s
"""
_NAMES = ("propertyNames", "relationshipNames")


async def create(house: House, request: Request) -> Reply:
    Parameters(request.query, ())
    ask = await read_ask(request, house.library, body=True)
    now, _ = clock()
    document = _checked(ask, ask.body)
    name = document.setdefault("id", f"urn:ngsi-ld:{WORD}:{uuid.uuid4()}")
    async with house.writing(request.visitor) as conn:
        row = await (await conn.execute(_INSERT, [ask.tenant, name, "registration", Jsonb(document), now, now])).fetchone()
        if row is None:
            raise exists(f"{name} is here already.")
        await house.audit(conn, request.visitor, "registration_create", [name], ask.tenant)
    _changed(house, name)
    return created("csourceRegistrations", name, ask)


async def retrieve(house: House, request: Request, name: str) -> Reply:
    system = "sysAttrs" in Parameters(request.query, ()).options({"sysAttrs"})
    ask = await read_ask(request, house.library)
    request.visitor.require_write("ngsild")
    row = await _find(house, ask, _require_id(name))
    return await resource(ask, house.library, _shown(row, ask.terms, system))


async def query(house: House, request: Request) -> Reply:
    params = Parameters(request.query, QUERY | {"timerel", "timeAt", "endTimeAt", "timeproperty"})
    system = "sysAttrs" in params.options({"sysAttrs"})
    ask = await read_ask(request, house.library)
    request.visitor.require_write("ngsild")
    limit = params.number("limit", USUAL_PAGE, 0, LARGEST_PAGE)
    offset = params.number("offset", 0, 0, FARTHEST)
    wanted = {
        "tenant": ask.tenant, "kind": "registration", "limit": limit + 1, "offset": offset,
        "types": [ask.terms.expand(one) for one in params.many("type")] or None, "ids": params.many("id") or None,
    }  # fmt: skip
    async with house.reading() as conn:
        rows: Any = await (await conn.execute(_LIST, wanted)).fetchall()
    shown = [_shown(row, ask.terms, system) for row in rows[:limit]]
    total = len(rows) + offset if params.flag("count") and len(rows) <= limit else None
    return await page(ask, house.library, shown, total, paging_links(ask, limit, offset, len(rows) > limit))


async def update(house: House, request: Request, name: str) -> Reply:
    Parameters(request.query, ())
    number = _require_id(name)
    ask = await read_ask(request, house.library, body=True, patch=True)
    request.visitor.require_write("ngsild")
    if not isinstance(ask.body, dict) or not ask.body:
        raise bad("The fragment is a JSON object.")
    row = await _find(house, ask, number)
    merged = _shown(row, ask.terms, False)
    for key, value in ask.body.items():
        if value is None or is_null(value):
            merged.pop(key, None)
        elif key != "@context":
            merged[key] = value
    document = _checked(ask, {key: value for key, value in merged.items() if key != "status"})
    now, _ = clock()
    async with house.writing(request.visitor) as conn:
        await conn.execute(
            "UPDATE ngsild_registration SET document = %s, modified_at = %s"
            " WHERE tenant = %s AND kind = %s AND registration_id = %s",
            [Jsonb(document), now, ask.tenant, "registration", number],
        )  # fmt: skip
        await house.audit(conn, request.visitor, "registration_update", [number], ask.tenant)
    _changed(house, number)
    return NOTHING


async def delete(house: House, request: Request, name: str) -> Reply:
    Parameters(request.query, ())
    number = _require_id(name)
    ask = await read_ask(request, house.library)
    async with house.writing(request.visitor) as conn:
        done = await conn.execute(
            "DELETE FROM ngsild_registration WHERE tenant = %s AND kind = %s AND registration_id = %s",
            [ask.tenant, "registration", number],
        )
        if not done.rowcount:
            raise absent(f"There is nothing named {number}.")
        await house.audit(conn, request.visitor, "registration_delete", [number], ask.tenant)
    _changed(house, number)
    return NOTHING


def _changed(house: House, name: str) -> None:
    if house.sources is not None:
        house.sources.forget(name)


async def _find(house: House, ask: Ask, name: str) -> Any:
    async with house.reading() as conn:
        row = await (
            await conn.execute(
                "SELECT document, created_at, modified_at FROM ngsild_registration"
                " WHERE tenant = %s AND kind = %s AND registration_id = %s",
                [ask.tenant, "registration", name],
            )
        ).fetchone()
    if row is None:
        raise absent(f"There is nothing named {name}.")
    return row


def _checked(ask: Ask, document: Any) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("type") != WORD:
        raise bad(f'The document is a JSON object of type "{WORD}".')
    if "id" in document and not is_uri(document["id"]):
        raise bad(f"The id is {str(document['id'])[:80]!r}, expected a URI.")
    if not is_uri(document.get("endpoint")):
        raise bad("A registration needs an endpoint.")
    if document.get("mode", "inclusive") not in MODES:
        raise bad(f"mode is {str(document['mode'])[:40]!r}, expected one of {', '.join(MODES)}.")
    information = document.get("information")
    if not isinstance(information, list) or not information or not all(isinstance(one, dict) and one for one in information):
        raise bad("A registration needs information.")
    if document.get("expiresAt") and read_instant(document["expiresAt"], "expiresAt") <= clock()[0]:
        raise bad("expiresAt is past.")
    own = ("@context", "createdAt", "modifiedAt", "status")
    found = {key: value for key, value in document.items() if key not in own}
    return {**found, "information": [_information(one, ask.terms.expand) for one in information]}


def _information(one: dict[str, Any], change: Any) -> dict[str, Any]:
    found = dict(one)
    if "entities" in found:
        if not isinstance(found["entities"], list) or not all(isinstance(it, dict) for it in found["entities"]):
            raise bad("information.entities lists objects with a type.")
        found["entities"] = [{**it, **({"type": _names(it["type"], change)} if "type" in it else {})} for it in found["entities"]]
    for name in _NAMES:
        if name in found:
            found[name] = _names(found[name], change)
    return found


def _names(given: Any, change: Any) -> Any:
    return [change(str(one)) for one in given] if isinstance(given, list) else change(str(given))


def _shown(row: Any, terms: Terms, system: bool) -> dict[str, Any]:
    shown = dict(row[0])
    if "information" in shown:
        shown["information"] = [_information(one, terms.compact) for one in shown["information"]]
    for entity in shown.get("entities", []):
        if "type" in entity:
            entity["type"] = terms.compact(entity["type"])
    if system:
        shown["createdAt"], shown["modifiedAt"] = plain_instant(stamp(row[1])), plain_instant(stamp(row[2]))
    return shown


def _require_id(text: str) -> str:
    name = unquote(text)
    if not is_uri(name):
        raise bad(f"{name[:80]!r} is no id; ids are URIs.")
    return name


async def _no_subscriptions(house: House, request: Request) -> Reply:
    """GET /csourceSubscriptions: there are none."""
    Parameters(request.query, {"limit", "offset", "count"}).options({"sysAttrs"})
    return await page(await read_ask(request, house.library), house.library, [], 0)


async def _refuse_subscription(house: House, request: Request) -> Reply:
    """POST /csourceSubscriptions"""
    request.visitor.require_write("ngsild")
    await read_ask(request, house.library, body=True)
    raise unsupported("Changes of registrations are not notified here. Ask GET /csourceRegistrations.")


def operations() -> dict[str, dict[str, Any]]:
    """Return the routes of the register."""
    return {
        r"/csourceRegistrations/?": {"POST": create, "GET": query},
        r"/csourceRegistrations/([^/]+)/?": {"GET": retrieve, "PATCH": update, "DELETE": delete},
        r"/csourceSubscriptions/?": {"GET": _no_subscriptions, "POST": _refuse_subscription},
    }
