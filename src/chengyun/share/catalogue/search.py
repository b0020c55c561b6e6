# SPDX-License-Identifier: Apache-2.0
"""Search: the best resources for a question, and exact counts, both within what the actor may know of.

Hits are ranked in tiers, and within a tier by Listing.place:

    0  the name is what was asked        3  the name holds it loosely (pairs of characters side by side)
    1  the name holds all of it          4  any text holds it loosely
    2  any text holds all of it          5  only where nothing was found: the last word as a beginning

Each tier is one query that ends early: by the order of places for common words, by the word index for rare ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Lookup, Q, QuerySet

from chengyun.access.actors import Actor
from chengyun.errors import Refused, nearest
from chengyun.share.catalogue.models import Listing, Resource
from chengyun.share.catalogue.sight import listed
from chengyun.share.catalogue.text import Question, question

__all__ = ["FACETS", "Choices", "Counts", "Hit", "Page", "counts", "listings", "search"]

FACETS = ("kind", "sharing", "open", "cycle", "class_code", "provider", "state")
DEEPEST = 1_000
"""How far a list can be leafed through; a narrower question shows more."""
LONGEST_QUESTION = 200
Choices = Mapping[str, Collection[str]]


@SearchVectorField.register_lookup
class Holds(Lookup):
    """tokens__holds: terms of a tsquery as they are, without a text-search configuration taking them apart."""

    lookup_name = "holds"

    def get_prep_lookup(self) -> Any:
        return self.rhs

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, Any]:  # noqa: ARG002  Django's signature
        return "%s", [value]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} @@ {right}::tsquery", [*left_params, *right_params]


@dataclass(frozen=True, slots=True)
class Hit:
    """A resource as a list shows it."""

    key: str
    name: str
    name_en: str
    summary: str
    kind: str
    code: str
    provider: str
    sharing: str
    open: bool
    cycle: str
    class_code: str
    state: str
    personal: bool
    updated_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """more: whether there are hits behind these."""

    hits: list[Hit]
    more: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """total: of all hits. by: facet → value → how many of them; values as text, "true" and "false" of open."""

    total: int
    by: dict[str, dict[str, int]] = field(default_factory=dict)


def search(actor: Actor, text: str = "", *, choices: Choices | None = None, offset: int = 0, limit: int = 20) -> Page:
    """Return the best hits of a question; of an empty one, everything. Raises Refused for a facet that does not exist."""
    rows = listings(actor, choices)
    asked = question(text[:LONGEST_QUESTION])
    needed = min(offset + limit, DEEPEST) + 1
    found: dict[int, None] = {}
    for tier in _tiers(asked, found):
        # Earlier tiers' hits come again in later, wider ones: so many more are asked for.
        pks = rows.filter(tier).order_by("place", "pk").values_list("pk", flat=True)[: needed + len(found)]
        found |= dict.fromkeys(pks)
        if len(found) >= needed:
            break
    shown = list(found)[offset : min(offset + limit, DEEPEST)]
    return Page(_hits(shown), len(found) > offset + limit)


def counts(actor: Actor, text: str = "", *, choices: Choices | None = None, facets: Collection[str] = FACETS) -> Counts:
    """Return how many hits a question has, in all and by facet: the same rows that search() leafs through."""
    rows = listings(actor, choices)
    asked = question(text[:LONGEST_QUESTION])
    if not asked.empty:
        rows = rows.filter(_matching(rows, asked))
    names = [name for name in FACETS if name in facets]
    try:
        inner, params = rows.values_list(*FACETS).query.sql_with_params()
    except EmptyResultSet:  # Django sees by itself that nothing fits, e.g. a provider that is no number
        return Counts(0, {name: {} for name in names})
    sets = ", ".join(f"({name})" for name in names)
    # Names come from FACETS; what a person sent is in the parameters.
    sql = f"""
        SELECT grouping({", ".join(names)}), {", ".join(f"{name}::text" for name in names)}, count(*)
        FROM ({inner}) AS hit GROUP BY GROUPING SETS ({sets}, ())
    """  # noqa: S608
    by: dict[str, dict[str, int]] = {name: {} for name in names}
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        for mask, *values, count in cursor.fetchall():
            grouped = [at for at in range(len(names)) if not mask >> (len(names) - 1 - at) & 1]
            if not grouped:
                total = count
            elif values[grouped[0]] not in (None, ""):
                by[names[grouped[0]]][values[grouped[0]]] = count
    return Counts(total, {name: dict(sorted(one.items(), key=lambda it: (-it[1], it[0]))) for name, one in by.items()})


def listings(actor: Actor, choices: Choices | None = None) -> QuerySet[Listing]:
    """Return the listings the actor may know of, narrowed by facets; withdrawn ones only where asked for. Raises Refused."""
    rows = Listing.objects.filter(listed(actor))
    chosen = dict(choices or {})
    for name, values in chosen.items():
        if name not in FACETS:
            raise Refused(f"Facet {name!r} does not exist.{nearest(name, FACETS)} There are {', '.join(FACETS)}.", code="facet")
        if not values:
            continue
        if name == "open":
            rows = rows.filter(open__in=[value in ("true", "True", "1") for value in values])
        elif name == "provider":
            rows = rows.filter(
                provider__in=[int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19][:50]
            )
        elif name == "class_code":
            within = Q(pk__in=[])
            for value in list(values)[:20]:
                within |= Q(class_code__startswith=value)
            rows = rows.filter(within)
        else:
            rows = rows.filter(**{f"{name}__in": list(values)[:20]})
    return rows if chosen.get("state") else rows.exclude(state=Resource.State.WITHDRAWN)


def _tiers(asked: Question, found: Mapping[int, None]) -> Iterator[Q]:
    if asked.empty:
        yield Q()
        return
    yield Q(folded=asked.folded)
    yield Q(tokens__holds=asked.tsquery(asked.exact, "="))
    yield Q(tokens__holds=asked.tsquery(asked.exact))
    if asked.loose != asked.exact:
        yield Q(tokens__holds=asked.tsquery(asked.loose, "="))
        yield Q(tokens__holds=asked.tsquery(asked.loose))
    beginning = asked.beginning()
    if not found and beginning is not None:
        yield Q(tokens__holds=beginning)


def _matching(rows: QuerySet[Listing], asked: Question) -> Q:
    """Return what all tiers together hold: the loosest holds the others."""
    loose = Q(tokens__holds=asked.tsquery(asked.loose))
    beginning = asked.beginning()
    if beginning is not None and not rows.filter(loose | Q(folded=asked.folded)).exists():
        return Q(tokens__holds=beginning)
    return loose


def _hits(pks: list[int]) -> list[Hit]:
    rows = {one.pk: one for one in Resource.objects.filter(pk__in=pks).defer("distributions", "related", "edited")}
    return [
        Hit(
            one.key, one.name, one.name_en, one.summary, one.kind, one.code or "", one.provider_name, one.sharing, one.open,
            one.cycle, one.class_code, one.state, one.personal, one.updated_at,
        )
        for one in (rows[pk] for pk in pks if pk in rows)
    ]  # fmt: skip
