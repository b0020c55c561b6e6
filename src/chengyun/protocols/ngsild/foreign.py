# SPDX-License-Identifier: Apache-2.0
"""What registered sources hold beside what is held here: put together entity by entity (clauses 4.3.6 and 4.5.5).

    inclusive            both; of one attribute the newer value: by observedAt, else by modifiedAt, else ours
    redirect, exclusive  the source's alone, also when it does not answer
    auxiliary            the source's only where nobody else says anything

A foreign entity is seen by whom the policy lets see one that stands where it stands; it is never kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chengyun.errors import Problem
from chengyun.protocols.door import Reply, Request
from chengyun.protocols.ngsild import store
from chengyun.protocols.ngsild.documents import Entity, Instance
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.selecting import Query, Where, fits
from chengyun.protocols.ngsild.sources import Heard, Information, Source

__all__ = ["NOTHING_FOREIGN", "Foreign", "gather", "hear", "warned"]

ALONE = ("redirect", "exclusive")


@dataclass(slots=True)
class Foreign:
    """What is known of entities elsewhere. by_id: entity → what sources say of it, in the order of registration."""

    by_id: dict[str, list[tuple[Source, Information, Entity]]] = field(default_factory=dict)
    alone: list[Information] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def without_ours(self, entity: Entity) -> Entity | None:
        """Return an entity held here without what only sources may say; None when nothing is left of it."""
        for entry in self.alone:
            if not entry.holds(entity):
                continue
            if entry.attrs is None:
                return None
            entity = replace(entity, attributes={key: one for key, one in entity.attributes.items() if key not in entry.attrs})
        return entity

    def whole(self, name: str, ours: Entity | None) -> Entity | None:
        """Return an entity with all that is said of it; None when nobody knows it."""
        found = self.without_ours(ours) if ours is not None else None
        said = self.by_id.get(name, [])
        for _, _, theirs in [one for one in said if one[0].mode != "auxiliary"]:
            found = _both(found, theirs)
        for _, _, theirs in [one for one in said if one[0].mode == "auxiliary"]:
            known = found.attributes if found is not None else {}
            rest = replace(theirs, attributes={key: one for key, one in theirs.attributes.items() if key not in known})
            found = _both(found, rest)
        return found

    def conditions(self, allowed: Where) -> Where:
        """Return the rows of this installation that stand by themselves: neither known elsewhere nor told only there."""
        where = Where(list(allowed.parts), dict(allowed.params))
        if self.by_id:
            where.add("NOT (entity_id = ANY(%s))", sorted(self.by_id))
        for entry in self.alone:
            if entry.attrs is not None:
                continue
            parts, values = ["types && %s::text[]"], [sorted(entry.types)]
            if entry.ids:
                parts.append("entity_id = ANY(%s)")
                values.append(sorted(entry.ids))
            if entry.pattern:
                parts.append("entity_id ~ %s")
            where.add(f"NOT ({' AND '.join(parts)})", *values, *([entry.pattern] if entry.pattern else []))
        return where


NOTHING_FOREIGN = Foreign()


async def hear(house: House, request: Request, tenant: str, operation: str, query: Query, *, local: bool) -> Foreign:
    """Ask the registered sources that a question concerns. local: the asker wants what is held here alone.

    Raises Refused (508) when the question has been here before.
    """
    if local or house.sources is None or not (await house.scope_of(request.visitor.actor)).allowed:
        return NOTHING_FOREIGN
    heard = await house.sources.ask(tenant, request.headers.get("via", ""), operation, query)
    return await _readable(house, request, heard)


def warned(reply: Reply, foreign: Foreign) -> Reply:
    """Return an answer that says which sources' parts are missing (clause 6.3.17)."""
    if not foreign.failed:
        return reply
    told = ", ".join(f'199 {name} "did not answer"' for name in sorted(set(foreign.failed)) if name.isascii())
    return replace(reply, headers=(*reply.headers, ("NGSILD-Warning", told)))


async def gather(
    house: House, request: Request, tenant: str, wanted: Query, foreign: Foreign = NOTHING_FOREIGN
) -> tuple[list[Entity], int | None, bool]:
    """Return a page of entities from every source, the total where asked for, and whether more follow.

    Stored ones come first, then those of packs, then those that others know something of, by id.
    """
    allowed = await house.allowed(request.visitor)
    if foreign.by_id or foreign.alone:
        allowed = foreign.conditions(allowed)
    one_more = replace(wanted, limit=wanted.limit + 1 if wanted.limit else 0)
    from_packs = not tenant and house.packs.concerns(wanted)
    async with house.reading() as conn:
        asked = replace(one_more, count=True) if from_packs or foreign.by_id else one_more
        found, total = await store.select(conn, tenant, asked, allowed)
    if from_packs:
        stored = total or 0
        room = one_more.limit - len(found)
        beyond, number = await house.packs.find(house, request.visitor.actor, wanted, max(0, wanted.offset - stored), room)
        found += beyond
        total = stored + number
    found = [one for entity in found if (one := foreign.without_ours(entity)) is not None]
    if foreign.by_id:
        stored = total or 0
        beyond = await _with_foreign(house, request, tenant, wanted, foreign)
        start = max(0, wanted.offset - stored)
        found += beyond[start : start + max(0, one_more.limit - len(found))]
        total = stored + len(beyond)
    total = total if wanted.count else None
    more = len(found) > wanted.limit > 0
    return found[: wanted.limit], total, more


async def _with_foreign(house: House, request: Request, tenant: str, wanted: Query, foreign: Foreign) -> list[Entity]:
    """Return the entities others know something of, whole, as far as they are asked for."""
    ids = sorted(foreign.by_id)
    allowed = await house.allowed(request.visitor)
    async with house.reading() as conn:
        ours = await store.get(conn, tenant, ids, allowed)
    known = [foreign.whole(one, ours.get(one)) for one in ids]
    return [one for one in known if one is not None and fits(wanted, one)]


async def _readable(house: House, request: Request, heard: Heard) -> Foreign:
    foreign = Foreign(alone=[entry for source, entry in heard.asked if source.mode in ALONE], failed=list(heard.failed))
    if not heard.found:
        return foreign
    scope = await house.scope_of(request.visitor.actor)
    order = {source.name: at for at, (source, _) in enumerate(heard.asked)}
    for source, entry, entity in sorted(heard.found, key=lambda one: order[one[0].name]):
        if house.packs.knows(entity.id):
            continue  # the city's own registers are told by the city
        try:
            await house.place(entity)
        except Problem:
            continue
        if scope.matches({"area_code": entity.area_code}):
            foreign.by_id.setdefault(entity.id, []).append((source, entry, entity))
    return foreign


def _both(ours: Entity | None, theirs: Entity) -> Entity:
    if ours is None:
        return theirs
    attributes = {key: list(instances) for key, instances in ours.attributes.items()}
    for key, instances in theirs.attributes.items():
        attributes[key] = _newer(attributes.get(key, []), instances)
    return replace(
        ours, attributes=attributes, types=list(dict.fromkeys([*ours.types, *theirs.types])),
        scopes=list(dict.fromkeys([*ours.scopes, *theirs.scopes])), modified_at=max(ours.modified_at, theirs.modified_at),
        created_at=min(filter(None, (ours.created_at, theirs.created_at)), default=""),
    )  # fmt: skip


def _newer(ours: Sequence[Instance], theirs: Sequence[Instance]) -> list[Instance]:
    found: dict[str, Instance] = {one.get("datasetId", ""): one for one in ours}
    for one in theirs:
        known = found.get(one.get("datasetId", ""))
        if known is None or _age(one) > _age(known):
            found[one.get("datasetId", "")] = one
    return list(found.values())


def _age(instance: Instance) -> tuple[Any, ...]:
    """Return what orders two values of an attribute; one that says when it was observed is newer than one that does not."""
    return instance.get("observedAt", ""), instance.get("modifiedAt", "")
