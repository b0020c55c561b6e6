# SPDX-License-Identifier: Apache-2.0
"""Query objects in a body (clause 5.2.23): the same questions as parameters, in JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chengyun.protocols.ngsild.asking import Parameters
from chengyun.protocols.ngsild.parameters import FARTHEST, LARGEST_PAGE, choices
from chengyun.protocols.ngsild.places import GeoQuery, read_geo_query
from chengyun.protocols.ngsild.problems import bad
from chengyun.protocols.ngsild.questions import check_pattern, read_question
from chengyun.protocols.ngsild.rendering import View
from chengyun.protocols.ngsild.selecting import Kind, Query, read_order
from chengyun.protocols.ngsild.selections import read_scope_query, read_type_selection
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import is_uri

__all__ = ["geo_of", "names_of", "query_object"]

_KNOWN = frozenset(
    {
        "type", "entities", "attrs", "q", "geoQ", "csf", "temporalQ", "scopeQ", "lang", "join", "joinLevel", "pick", "omit",
        "datasetId", "containedBy", "geometryProperty", "orderBy", "ordering", "expandValues", "jsonKeys", "format", "options",
        "aggrParams", "splitEntities", "@context", "geoproperty", "entityMap",
    }
)  # fmt: skip


def query_object(body: Any, params: Parameters, terms: Terms) -> tuple[Query, View, str]:
    """Return a Query object as query, view and join. Raises BadRequestData."""
    if not isinstance(body, dict) or body.get("type") != "Query":
        raise bad('The body is a JSON object of type "Query".')
    if unknown := sorted(set(body) - _KNOWN):
        raise bad(f"A Query has no member {unknown[0][:60]!r}.")
    attrs = frozenset(terms.expand(name) for name in names_of(body, "attrs"))
    pick, omit = choices(",".join(names_of(body, "pick")), ",".join(names_of(body, "omit")), attrs, terms)
    join = str(body.get("join", "") or "")
    datasets = names_of(body, "datasetId")
    options = params.options({"normalized", "concise", "simplified", "keyValues", "sysAttrs"})
    form = params.text("format") or next((one for one in ("concise", "simplified", "keyValues") if one in options), "normalized")
    level = body.get("joinLevel", 1)
    view = View(
        terms=terms,
        form="simplified" if form == "keyValues" else form,
        system="sysAttrs" in options,
        lang=str(body.get("lang", "") or "")[:200],
        pick=pick,
        omit=omit,
        attrs=attrs or None,
        datasets=frozenset("" if one == "@none" else one for one in datasets) if datasets else None,
        geometry=terms.expand(str(body.get("geometryProperty") or "location")),
        inline=join == "inline",
        levels=max(1, min(5, int(level))) if join in ("inline", "flat") and str(level).isdigit() else 0,
    )
    query = Query(
        attrs=attrs,
        q=read_question(str(body["q"]), terms) if body.get("q") else None,
        geo=geo_of(body.get("geoQ"), terms),
        scopes=read_scope_query(str(body["scopeQ"])) if body.get("scopeQ") else None,
        datasets=view.datasets,
        order=read_order(str(body["orderBy"]), terms) if isinstance(body.get("orderBy"), str) else (),
        limit=params.number("limit", 20, 0, LARGEST_PAGE),
        offset=params.number("offset", 0, 0, FARTHEST),
        count=params.flag("count"),
    )
    query = _with_entities(query, body.get("entities"), terms)
    narrowed = query.attrs or query.q or query.geo or query.scopes or query.kinds
    if not narrowed and not params.flag("local"):
        raise bad("The query asks for everything. Give at least one of entities, attrs, q, geoQ or scopeQ, or local=true.")
    return query, view, join


def geo_of(given: Any, terms: Terms) -> GeoQuery | None:
    """Return a GeoQuery object (clause 5.2.13)."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise bad("geoQ is a JSON object with geometry, coordinates and georel.")
    geoproperty = terms.expand(str(given.get("geoproperty") or "location"))
    return read_geo_query(given.get("georel"), given.get("geometry"), given.get("coordinates"), geoproperty)


def names_of(body: dict[str, Any], member: str) -> list[str]:
    """Return a member that lists names; text stands for a list with commas."""
    given = body.get(member)
    if given is None:
        return []
    found = given.split(",") if isinstance(given, str) else given
    if not isinstance(found, list) or not found or not all(isinstance(one, str) and one for one in found):
        raise bad(f"{member} lists at least one name.")
    return [str(one) for one in found]


def _with_entities(query: Query, given: Any, terms: Terms) -> Query:
    if given is None:
        return query
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise bad("entities lists at least one object with id, idPattern or type.")
    kinds = []
    for one in given:
        listed = one["id"] if isinstance(one.get("id"), list) else [one["id"]] if one.get("id") is not None else []
        if wrong := next((name for name in listed if not is_uri(name)), None):
            raise bad(f"entities: {str(wrong)[:80]!r} is no entity id.")
        pattern = check_pattern(str(one["idPattern"])) if one.get("idPattern") is not None and not listed else ""
        types = read_type_selection(str(one["type"]), terms) if one.get("type") is not None else None
        kinds.append(Kind(frozenset(listed), pattern, types))
    return replace(query, kinds=tuple(kinds))
