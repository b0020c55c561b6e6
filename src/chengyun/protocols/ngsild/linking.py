# SPDX-License-Identifier: Apache-2.0
"""Entities that others point at: fetched level by level for join=inline and join=flat (clause 4.5.23)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chengyun.protocols.door import Visitor
from chengyun.protocols.ngsild import store
from chengyun.protocols.ngsild.documents import Entity
from chengyun.protocols.ngsild.house import House
from chengyun.protocols.ngsild.rendering import View
from chengyun.protocols.ngsild.selecting import Where

__all__ = ["linked_entities"]

MOST_LINKED = 5000


async def linked_entities(
    house: House,
    visitor: Visitor,
    tenant: str,
    entities: Sequence[Entity],
    view: View,
    join: str,
    *,
    allowed: Where | None = None,
) -> tuple[dict[str, Entity], list[tuple[Entity, View]]]:
    """Return linked entities by id, and in the order found with how to show each; the first way to one decides.

    allowed: which rows may be read, where that is not the visitor's business.
    """
    known: dict[str, Entity] = {}
    ordered: list[tuple[Entity, View]] = []
    if join not in ("inline", "flat") or not view.levels:
        return known, ordered
    allowed = allowed or await house.allowed(visitor)
    start = {entity.id for entity in entities}
    level: list[tuple[Entity, View]] = [(entity, view) for entity in entities]
    for _ in range(view.levels):
        wanted: dict[str, View] = {}
        for entity, own in level:
            for name, targets in _targets(entity, own):
                for target in targets:
                    wanted.setdefault(target, replace(own.for_link(name), inline=False))
        missing = [one for one in wanted if one not in known][: MOST_LINKED - len(known)]
        if not missing:
            break
        async with house.reading() as conn:
            found = await store.get(conn, tenant, missing, allowed)
        known |= found
        level = [(found[one], wanted[one]) for one in missing if one in found]
        ordered += [(entity, own) for entity, own in level if entity.id not in start]
    return known, ordered


def _targets(entity: Entity, view: View) -> list[tuple[str, list[str]]]:
    found = []
    for name, instances in entity.attributes.items():
        if not view.shows(name):
            continue
        targets: list[str] = []
        for one in instances:
            if one["type"] == "Relationship":
                value = one["object"]
                targets += value if isinstance(value, list) else [value]
        if targets:
            found.append((name, targets))
    return found
