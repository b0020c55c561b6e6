# SPDX-License-Identifier: Apache-2.0

"""Which types and attributes there are: /types and /attributes (clauses 5.7.5 to 5.7.10)."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild.answers import resource
from chengyun.protocols.ngsild.asking import Parameters, read_ask
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.problems import absent
from chengyun.protocols.ngsild.terms import Terms

__all__ = ["attribute", "attributes", "entity_type", "types"]

_COUNT = """
SELECT t.type, count(*) FROM ngsild_entity, unnest(types) AS t (type)
WHERE {where} AND tenant = %(tenant)s AND (%(type)s::text IS NULL OR types @> ARRAY[%(type)s::text]) GROUP BY t.type
"""
_ATTRIBUTES = """
SELECT t.type, a.key, i.value ->> 'type', count(DISTINCT ngsild_entity.id)
FROM ngsild_entity, unnest(types) AS t (type), jsonb_each(attributes) AS a, jsonb_array_elements(a.value) AS i
WHERE {where} AND tenant = %(tenant)s AND (%(type)s::text IS NULL OR types @> ARRAY[%(type)s::text])
  AND (%(name)s::text IS NULL OR attributes ? %(name)s::text AND a.key = %(name)s::text)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@dataclass(slots=True)
class _Found:
    """What one look over all entities saw. kinds: attribute types by entity type and attribute; counts: entities by type."""

    kinds: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    counts: dict[str, int] = field(default_factory=dict)
    having: dict[str, int] = field(default_factory=lambda: defaultdict(int))


async def types(house: House, request: Request) -> Reply:
    """GET /types"""
    params = Parameters(request.query, {"details"})
    ask = await read_ask(request, house.library)
    found = await _look(house, request, ask.tenant)
    terms = ask.terms
    if params.flag("details"):
        shown: Any = [
            {
                "id": name, "type": "EntityType", "typeName": terms.compact(name),
                "attributeNames": [terms.compact(one) for one in found.kinds[name]],
            }
            for name in sorted(found.counts)
        ]  # fmt: skip
        return await resource(ask, house.library, shown)
    listed = [terms.compact(name) for name in sorted(found.counts)]
    return await resource(
        ask, house.library, {"id": f"urn:ngsi-ld:EntityTypeList:{uuid.uuid4()}", "type": "EntityTypeList", "typeList": listed}
    )


async def entity_type(house: House, request: Request, name: str) -> Reply:
    """GET /types/{type}"""
    Parameters(request.query, ())
    ask = await read_ask(request, house.library)
    iri = ask.terms.expand(unquote(name))
    found = await _look(house, request, ask.tenant, kind=iri)
    if iri not in found.counts:
        raise absent(f"There is no entity of the type {unquote(name)[:80]}.")
    details = [
        {"id": one, "type": "Attribute", "attributeName": ask.terms.compact(one), "attributeTypes": sorted(kinds)}
        for one, kinds in found.kinds[iri].items()
    ]
    shown = {
        "id": iri, "type": "EntityTypeInfo", "typeName": ask.terms.compact(iri), "entityCount": found.counts[iri],
        "attributeDetails": details,
    }  # fmt: skip
    return await resource(ask, house.library, shown)


async def attributes(house: House, request: Request) -> Reply:
    """GET /attributes"""
    params = Parameters(request.query, {"details"})
    ask = await read_ask(request, house.library)
    found = await _look(house, request, ask.tenant)
    names = sorted({name for by_name in found.kinds.values() for name in by_name})
    if params.flag("details"):
        return await resource(ask, house.library, [_attribute(one, found, ask.terms, False) for one in names])
    shown = {
        "id": f"urn:ngsi-ld:AttributeList:{uuid.uuid4()}", "type": "AttributeList",
        "attributeList": [ask.terms.compact(one) for one in names],
    }  # fmt: skip
    return await resource(ask, house.library, shown)


async def attribute(house: House, request: Request, name: str) -> Reply:
    """GET /attributes/{attribute}"""
    Parameters(request.query, ())
    ask = await read_ask(request, house.library)
    iri = ask.terms.expand(unquote(name))
    found = await _look(house, request, ask.tenant, name=iri)
    if not any(iri in by_name for by_name in found.kinds.values()):
        raise absent(f"No entity has an attribute {unquote(name)[:80]}.")
    return await resource(ask, house.library, _attribute(iri, found, ask.terms, True))


def _attribute(name: str, found: _Found, terms: Terms, whole: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": name, "type": "Attribute", "attributeName": terms.compact(name)}
    if whole:
        shown["attributeCount"] = found.having[name]
        shown["attributeTypes"] = sorted({kind for by_name in found.kinds.values() for kind in by_name.get(name, ())})
    shown["typeNames"] = [terms.compact(kind) for kind in sorted(found.kinds) if name in found.kinds[kind]]
    return shown


async def _look(house: House, request: Request, tenant: str, kind: str | None = None, name: str | None = None) -> _Found:
    where = await house.allowed(request.visitor)
    params = {**where.params, "tenant": tenant, "type": kind, "name": name}
    found = _Found()
    async with house.reading() as conn:
        for one, number in await (await conn.execute(_COUNT.format(where=where.text), params)).fetchall():
            found.counts[one] = number
        rows = await (await conn.execute(_ATTRIBUTES.format(where=where.text), params)).fetchall()
    for one, attribute_name, attribute_kind, number in rows:
        found.kinds[one][attribute_name].add(attribute_kind)
        found.having[attribute_name] += number
    if not tenant:
        await house.packs.add_types(house, request.visitor.actor, found.counts, found.kinds, found.having)
    return found
