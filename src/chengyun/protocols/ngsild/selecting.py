# SPDX-License-Identifier: Apache-2.0
"""Which entities, in which order: one frozen Query, as SQL over the stored ones and as a test of a single one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from chengyun.protocols.ngsild.documents import Entity
from chengyun.protocols.ngsild.places import GeoQuery, matches_place
from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.questions import Question, matches_text
from chengyun.protocols.ngsild.selections import ScopeTree, TypeTree, fits_scopes, fits_types, scope_sql, type_sql
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import MEMBERS

__all__ = ["Kind", "Order", "Query", "Where", "fits", "read_order", "where_of"]


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by. path: a core member, or attribute and sub-attributes by IRI with a core member perhaps last."""

    path: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of `entities`: all that it says must hold."""

    ids: frozenset[str] = frozenset()
    pattern: str = ""
    types: TypeTree | None = None

    def fits(self, entity: Entity) -> bool:
        return (
            (not self.ids or entity.id in self.ids)
            and (not self.pattern or matches_text(self.pattern, entity.id))
            and (self.types is None or fits_types(self.types, entity.types))
        )


@dataclass(frozen=True, slots=True)
class Query:
    """What entities are asked for. Empty parts ask nothing."""

    kinds: tuple[Kind, ...] = ()
    """Alternatives of a Query object: an entity fits one of them."""
    ids: tuple[str, ...] = ()
    id_pattern: str = ""
    types: TypeTree | None = None
    attrs: frozenset[str] = frozenset()
    q: Question | None = None
    geo: GeoQuery | None = None
    scopes: ScopeTree | None = None
    datasets: frozenset[str] | None = None
    order: tuple[Order, ...] = ()
    limit: int = 20
    offset: int = 0
    count: bool = False

    @property
    def exact(self) -> bool:
        """Say whether SQL alone decides."""
        return self.geo is None and (self.q is None or self.q.exact)


@dataclass(slots=True)
class Where:
    """Conditions as SQL with named parameters; values never become a part of the text."""

    parts: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition; every %s stands for one value."""
        pieces = condition.split("%s")
        text = pieces[0]
        for value, piece in zip(values, pieces[1:], strict=True):
            name = f"p{len(self.params)}"
            self.params[name] = value
            text += f"%({name})s{piece}"
        self.parts.append(f"({text})")

    @property
    def text(self) -> str:
        return " AND ".join(self.parts) or "TRUE"


def where_of(query: Query, where: Where, *, values: bool = True) -> Where:
    """Add a query's conditions over the columns of ngsild_entity. values: False leaves out what asks about attributes."""
    _identified(where, tuple(query.ids), query.id_pattern, query.types)
    if query.kinds:
        arms = []
        for kind in query.kinds:
            arm = Where([], where.params)
            _identified(arm, tuple(sorted(kind.ids)), kind.pattern, kind.types)
            arms.append(arm.text)
        where.parts.append(f"({' OR '.join(arms)})")
    if query.scopes is not None:
        condition, patterns = scope_sql(query.scopes)
        where.add(condition, *patterns)
    if not values:
        return where
    if query.attrs:
        where.add("attributes ?| %s", sorted(query.attrs))
    if query.datasets is not None:
        wanted = sorted(query.datasets - {""})
        parts = ["jsonb_path_exists(attributes, '$.*[*] ? (!exists(@.datasetId))')"] if "" in query.datasets else []
        if wanted:
            parts.append(
                "jsonb_path_exists(attributes, '$.*[*] ? (@.datasetId == $wanted[*])', jsonb_build_object('wanted', %s::jsonb))"
            )
        where.add(" OR ".join(parts), *([Jsonb(wanted)] if wanted else []))
    if query.q is not None:
        where.add("attributes @@ %s::jsonpath", query.q.jsonpath)
    if query.geo is not None:
        box = query.geo.box
        here = "EXISTS (SELECT FROM ngsild_place p WHERE p.entity_id = ngsild_entity.id AND p.name = %s"
        if box is None:
            where.add(f"{here})", query.geo.geoproperty)
        else:
            where.add(f"{here} AND p.box && box(point(%s, %s), point(%s, %s)))", query.geo.geoproperty, *box)
    return where


def _identified(where: Where, ids: tuple[str, ...], pattern: str, types: TypeTree | None) -> None:
    if ids:
        where.add("entity_id = ANY(%s)", list(ids))
    if pattern:
        where.add("entity_id ~ %s", pattern)
    if types is not None:
        condition, names = type_sql(types)
        where.add(condition, *names)


def order_sql(query: Query, where: Where) -> str:
    """Return what stands after ORDER BY."""
    keys = []
    for at, order in enumerate(query.order):
        name = order.path[0]
        if name in ("id", "createdAt", "modifiedAt", "type"):
            column = {"id": "entity_id", "createdAt": "created_at", "modifiedAt": "modified_at", "type": "types"}[name]
        else:
            where.params[f"order{at}"] = _json_path(order.path)
            column = f"jsonb_path_query_first(attributes, %(order{at})s::jsonpath)"
        keys.append(f"{column} {'DESC' if order.descending else 'ASC'} NULLS LAST")
    return ", ".join([*keys, "id"])


def read_order(text: str, terms: Terms) -> tuple[Order, ...]:
    """Return orderBy: `name`, `name.createdAt`, `name;desc`, comma between. Raises BadRequestData."""
    found: list[Order] = []
    for part in text.split(","):
        path, _, way = part.strip().partition(";")
        if way not in ("", "asc", "desc") or not path or len(path) > 2000:
            raise bad(f"orderBy has {part[:60]!r}, expected e.g. name, name;desc or name.observedAt.")
        pieces = [path] if "://" in path else path.split(".")
        if len(found) >= 8 or not all(pieces):
            raise bad(f"orderBy is {text[:80]!r}, expected up to 8 names.")
        core = {"id", "type", "createdAt", "modifiedAt"}
        names = tuple(pieces) if pieces[0] in core else (terms.expand(pieces[0]), *(_below(one, terms) for one in pieces[1:]))
        found.append(Order(names, way == "desc"))
    return tuple(found)


def fits(query: Query, entity: Entity, *, whole: bool = True) -> bool:
    """Say whether an entity is asked for. whole: False tests only what SQL did not decide."""
    if query.q is not None and not (query.q.exact and not whole) and not query.q.fits(entity):
        return False
    if query.geo is not None and not _geo_fits(query.geo, entity):
        return False
    if not whole:
        return True
    if query.kinds and not any(kind.fits(entity) for kind in query.kinds):
        return False
    if query.ids and entity.id not in query.ids:
        return False
    if query.id_pattern and not matches_text(query.id_pattern, entity.id):
        return False
    if query.types is not None and not fits_types(query.types, entity.types):
        return False
    if query.scopes is not None and not fits_scopes(query.scopes, entity.scopes):
        return False
    if query.attrs and not any(name in entity.attributes for name in query.attrs):
        return False
    return query.datasets is None or any(
        one.get("datasetId", "") in query.datasets for instances in entity.attributes.values() for one in instances
    )


def _geo_fits(geo: GeoQuery, entity: Entity) -> bool:
    return any(
        one["type"] == "GeoProperty" and isinstance(one.get("value"), dict) and matches_place(geo, one["value"])
        for one in entity.attributes.get(geo.geoproperty, [])
    )


def _below(name: str, terms: Terms) -> str:
    return name if name in MEMBERS else terms.expand(name)


def _json_path(path: tuple[str, ...]) -> str:
    last = path[-1] in MEMBERS and len(path) > 1
    names = path[:-1] if last else path
    chain = "$" + "".join(f".{json.dumps(name)}[0]" for name in names)
    return f"{chain}.{json.dumps(path[-1])}" if last else f'{chain}."value"'
