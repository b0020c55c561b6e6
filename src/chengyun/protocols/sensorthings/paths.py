# SPDX-License-Identifier: Apache-2.0
"""A resource path → what it addresses: `Things(1)/Datastreams(2)/Observations/$ref`.

Standard: OGC 18-088, 9.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from chengyun.errors import NotFound, nearest
from chengyun.protocols.sensorthings.kinds import BY_SET, Kind, Link, kind_of
from chengyun.protocols.sensorthings.sql import Statement

__all__ = ["Hop", "Target", "read_path"]

SEGMENT = re.compile(r"(\w+)\((?:(-?\d{1,18})|'(-?\d{1,18})')\)")
LONGEST = 12


@dataclass(frozen=True, slots=True)
class Hop:
    """One step along a path: to a kind, by a link (None for the first), to one entity of it (None: all)."""

    kind: Kind
    link: Link | None
    id: int | None


@dataclass(frozen=True, slots=True)
class Target:
    """What a path addresses. hops: from the collection on. steps: the property and what is below it. tail: $ref or $value."""

    hops: tuple[Hop, ...]
    steps: tuple[str, ...] = ()
    tail: str = ""

    @classmethod
    def of(cls, kind: Kind, number: int) -> Target:
        """Return the address of one entity."""
        return cls((Hop(kind, None, number),))

    @property
    def kind(self) -> Kind:
        return self.hops[-1].kind

    @property
    def one(self) -> bool:
        """Whether it is an entity, not a collection."""
        last = self.hops[-1]
        return last.id is not None or (last.link is not None and not last.link.many)

    def where(self, statement: Statement, alias: str) -> list[str]:
        """Return the conditions a row must meet to be what the path leads to, over its alias."""
        return _where(self.hops, statement, alias)

    @property
    def above(self) -> Target | None:
        """What must be there for the path to make sense; None for a collection or an entity named by its own address."""
        return Target(self.hops[:-1]) if len(self.hops) > 1 else None


def read_path(raw_path: str) -> Target:
    """Read what stands below the API's root. Raises NotFound."""
    segments = [unquote(part) for part in raw_path.strip("/").split("/")]
    if len(segments) > LONGEST:
        raise NotFound("The path is too long. Ask for an entity by its own address.")
    hops: list[Hop] = []
    for position, segment in enumerate(segments):
        found = SEGMENT.fullmatch(segment)
        name = found.group(1) if found else segment
        number = int(found.group(2) or found.group(3)) if found else None
        if not hops:
            kind = BY_SET.get(name)
            if kind is None:
                raise NotFound(f"There is no collection {name[:60]!r}.{nearest(name[:60], BY_SET)}")
            hops.append(Hop(kind, None, number))
            continue
        here = hops[-1]
        single = here.id is not None or (here.link is not None and not here.link.many)
        rest = tuple(segments[position:])
        if rest == ("$ref",):
            return Target(tuple(hops), tail="$ref")
        if not single:
            raise NotFound(f"{segment[:60]!r} cannot follow a collection. Name one entity, e.g. {here.kind.set}(1).")
        link = here.kind.links_by_name.get(name)
        if link is not None and (number is None or link.many):
            hops.append(Hop(kind_of(link), link, number))
            continue
        if name in here.kind.by_name or name in ("id", "@iot.id", "@iot.selfLink"):
            if rest[-1] == "$value":
                return Target(tuple(hops), rest[:-1], "$value")
            return Target(tuple(hops), rest)
        known = [*here.kind.by_name, *here.kind.links_by_name]
        raise NotFound(f"{here.kind.name} has nothing named {name[:60]!r}.{nearest(name[:60], known)}")
    return Target(tuple(hops))


def _where(hops: tuple[Hop, ...], statement: Statement, alias: str) -> list[str]:
    hop = hops[-1]
    conditions = [] if hop.id is None else [f"{alias}.id = {statement.bind(hop.id)}"]
    if hop.link is None:
        return conditions
    before, link = hops[:-1], hop.link
    # The one entity before a relation is named by its number; anything else by a query.
    named = len(before) == 1 and before[0].id is not None
    owners = f"= {statement.bind(before[0].id)}" if named else f"IN ({_ids(before, statement)})"
    if link.through is not None:
        table, near, far = link.through
        conditions.append(f"{alias}.id IN (SELECT m.{far} FROM {statement.store.through(table)} AS m WHERE m.{near} {owners})")  # noqa: S608 - see sql.py
    elif link.many:
        conditions.append(f"{alias}.{link.column} {owners}")
    else:
        conditions.append(f"{alias}.id IN ({_ids(before, statement, link.column)})")
    return conditions


def _ids(hops: tuple[Hop, ...], statement: Statement, column: str = "id") -> str:
    """Return a query for the ids (or another column) of what a path leads to."""
    scope = statement.scope(hops[-1].kind)
    scope.where += _where(hops, statement, scope.alias)
    return f"SELECT {scope.alias}.{column} {scope.body()}"
