# SPDX-License-Identifier: Apache-2.0
"""Query parameters and Query objects → Query and View."""

from __future__ import annotations

from typing import Any

from chengyun.protocols.ngsild.asking import Parameters
from chengyun.protocols.ngsild.places import read_geo_query
from chengyun.protocols.ngsild.problems import bad, invalid, too_complex
from chengyun.protocols.ngsild.questions import check_pattern, read_question
from chengyun.protocols.ngsild.rendering import Choice, View, read_choice
from chengyun.protocols.ngsild.selecting import Query, read_order
from chengyun.protocols.ngsild.selections import read_scope_query, read_type_selection
from chengyun.protocols.ngsild.terms import Terms
from chengyun.protocols.ngsild.vocabulary import is_uri

__all__ = ["LARGEST_PAGE", "QUERY", "VIEW", "choices", "query_of", "view_of"]

QUERY = frozenset(
    {
        "id", "type", "idPattern", "attrs", "q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty", "csf", "limit",
        "offset", "count", "orderBy", "datasetId", "entityMap", "splitEntities", "jsonKeys", "expandValues", "collation",
    }
)  # fmt: skip
VIEW = frozenset(
    {
        "attrs",
        "pick",
        "omit",
        "lang",
        "geometryProperty",
        "datasetId",
        "join",
        "joinLevel",
        "containedBy",
        "jsonKeys",
        "expandValues",
    }
)
FORMATS = ("normalized", "concise", "simplified", "keyValues")
LARGEST_PAGE = 1000
USUAL_PAGE = 20
MOST_IDS = 2000
FARTHEST = 10_000_000
DEEPEST_JOIN = 5


def query_of(params: Parameters, terms: Terms, *, also: tuple[str, ...] = ()) -> Query:
    """Return what is asked for. Raises BadRequestData when nothing narrows it (clause 5.7.2).

    also: what narrows it enough beside the usual.
    """
    enough = ("type", "attrs", "q", "georel", *also)
    if not any(params.given(name) for name in enough) and not params.flag("local"):
        raise bad(f"The query is too wide. Give at least one of {', '.join(enough)}, or local=true.")
    ids = params.many("id")
    if len(ids) > MOST_IDS:
        raise too_complex(f"More than {MOST_IDS} ids are asked for. Ask in parts.")
    if wrong := next((one for one in ids if not is_uri(one)), None):
        raise bad(f"{wrong[:80]!r} is no entity id; ids are URIs.")
    geo = None
    if any(params.given(name) for name in ("georel", "geometry", "coordinates")):
        geoproperty = terms.expand(params.text("geoproperty") or "location")
        geo = read_geo_query(
            params.text("georel") or None, params.text("geometry") or None, params.text("coordinates") or None, geoproperty
        )
    limit = params.number("limit", USUAL_PAGE, 0, LARGEST_PAGE)
    if limit == 0 and not params.flag("count"):
        raise bad("limit=0 only goes with count=true.")
    return Query(
        ids=tuple(ids),
        id_pattern=check_pattern(params.text("idPattern")) if params.given("idPattern") else "",
        types=read_type_selection(params.text("type"), terms) if params.text("type") else None,
        attrs=frozenset(terms.expand(name) for name in params.many("attrs")),
        q=read_question(params.text("q"), terms) if params.text("q") else None,
        geo=geo,
        scopes=read_scope_query(params.text("scopeQ")) if params.text("scopeQ") else None,
        datasets=_datasets(params.many("datasetId")),
        order=read_order(params.text("orderBy"), terms) if params.text("orderBy") else (),
        limit=limit,
        offset=params.number("offset", 0, 0, FARTHEST),
        count=params.flag("count"),
    )


def view_of(params: Parameters, terms: Terms, *, forms: tuple[str, ...] = FORMATS) -> View:
    """Return how to show what is found."""
    options = params.options({*forms, "sysAttrs"})
    asked = params.text("format")
    if asked and asked not in forms:
        raise invalid(f"format is {asked[:40]!r}, expected one of {', '.join(forms)}.")
    # format and options=<format> may both stand there; format decides (clause 6.3.7).
    form = asked or next((one for one in forms if one in options), "normalized")
    pick, omit = choices(params.text("pick"), params.text("omit"), params.text("attrs"), terms)
    join = params.text("join")
    if join not in ("", "inline", "flat", "@none"):
        raise bad(f"join is {join[:40]!r}, expected inline, flat or @none.")
    return View(
        terms=terms,
        form="simplified" if form == "keyValues" else form,
        system="sysAttrs" in options,
        lang=params.text("lang")[:200],
        pick=pick,
        omit=omit,
        attrs=frozenset(terms.expand(name) for name in params.many("attrs")) or None,
        datasets=_datasets(params.many("datasetId")),
        geometry=terms.expand(params.text("geometryProperty") or "location"),
        inline=join == "inline",
        levels=params.number("joinLevel", 1, 1, DEEPEST_JOIN) if join in ("inline", "flat") else 0,
    )


def choices(pick: str, omit: str, attrs: Any, terms: Terms) -> tuple[Choice | None, Choice | None]:
    """Return pick and omit. Raises BadRequestData where they contradict each other or go beside attrs (clause 4.21)."""
    if attrs and (pick or omit):
        raise bad("attrs does not go together with pick or omit.")
    picked = read_choice(pick, terms, "pick") if pick else None
    omitted = read_choice(omit, terms, "omit") if omit else None
    if picked is not None and omitted is not None and (both := {name for name in picked if name in omitted}):
        raise bad(f"{sorted(both)[0][:80]!r} is both picked and omitted.")
    return picked, omitted


def _datasets(names: list[str]) -> frozenset[str] | None:
    return frozenset("" if name in ("@none", "None") else name for name in names) if names else None
