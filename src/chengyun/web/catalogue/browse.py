# SPDX-License-Identifier: Apache-2.0
"""The catalogue itself: search, facets, hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.models import Organisation
from chengyun.access.policy import may
from chengyun.access.views import public
from chengyun.share.catalogue.models import Listing
from chengyun.share.catalogue.search import DEEPEST, FACETS, Hit, counts, search
from chengyun.share.catalogue.vocabulary import CYCLES, KINDS, SHARING
from chengyun.web.catalogue.words import Tab, facet_name, facet_value, query, tabs

PAGE = 20
AT_ONCE = 50_000
"""In a larger catalogue the counts are asked for after the hits are shown."""
MOST_OPTIONS = 12


@dataclass(frozen=True)
class Option:
    """A value of a facet. href: the page with it chosen, or no longer."""

    name: str
    count: int
    href: str
    chosen: bool


@dataclass(frozen=True)
class Facet:
    name: str
    options: tuple[Option, ...]
    more: int


@dataclass(frozen=True)
class Facets:
    """total: hits in all."""

    total: int
    facets: tuple[Facet, ...]


@dataclass(frozen=True)
class HitRow:
    """A hit as shown. kind, sharing, cycle: in words."""

    hit: Hit
    kind: str
    sharing: str
    cycle: str


@dataclass(frozen=True)
class BrowsePage:
    """counted: counts by facet, None when they are asked for after the page. first: number of the first hit shown."""

    tabs: tuple[Tab, ...]
    text: str
    kept: tuple[tuple[str, str], ...]
    rows: tuple[HitRow, ...]
    first: int
    previous: str
    following: str
    counted: Facets | None
    counts_url: str
    may_edit: bool


@require_safe
@public
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show the best hits of a question, or everything."""
    actor, text, choices = actor_of(request), request.GET.get("q", "").strip(), _choices(request)
    word = request.GET.get("page", "1")
    number = min(int(word) if word.isascii() and word.isdigit() and len(word) < 6 else 1, DEEPEST // PAGE) or 1
    found = search(actor, text, choices=choices, offset=(number - 1) * PAGE, limit=PAGE)
    given: dict[str, str | list[str]] = {"q": text, **choices}
    few = Listing.objects.order_by()[:AT_ONCE].count() < AT_ONCE
    page = BrowsePage(
        tabs=tabs(actor, "catalogue"),
        text=text,
        kept=tuple((name, value) for name, values in choices.items() for value in values),
        rows=tuple(_row(hit) for hit in found.hits),
        first=(number - 1) * PAGE + 1,
        previous=f"?{query(given, page=str(number - 1))}" if number > 1 else "",
        following=f"?{query(given, page=str(number + 1))}" if found.more and number * PAGE < DEEPEST else "",
        counted=_facets(actor, text, choices) if few else None,
        counts_url=f"{reverse('catalogue-counts')}?{query(given)}",
        may_edit=may(actor, "catalogue.edit"),
    )
    return render(request, "catalogue/browse.html", {"page": page})


@require_safe
@public
def catalogue_counts(request: HttpRequest) -> HttpResponse:
    """Show how many hits there are, by facet: the same question as the page's."""
    counted = _facets(actor_of(request), request.GET.get("q", "").strip(), _choices(request))
    return render(request, "catalogue/facets.html", {"counted": counted})


def _row(hit: Hit) -> HitRow:
    return HitRow(hit, str(KINDS.get(hit.kind, hit.kind)), str(SHARING.get(hit.sharing, "")), str(CYCLES.get(hit.cycle, "")))


def _choices(request: HttpRequest) -> dict[str, list[str]]:
    return {name: values for name in FACETS if (values := [it for it in request.GET.getlist(name) if it and "\x00" not in it])}


def _facets(actor: Actor, text: str, choices: Mapping[str, list[str]]) -> Facets:
    found = counts(actor, text, choices=choices)
    wanted = [int(value) for value in (*found.by["provider"], *choices.get("provider", ())) if value.isdigit()]
    providers = {str(pk): name for pk, name in Organisation.objects.filter(pk__in=wanted).values_list("pk", "name")}
    facets = []
    for name in FACETS:
        chosen = choices.get(name, [])
        values = {**found.by[name], **{value: found.by[name].get(value, 0) for value in chosen}}
        if len(values) < 2 and not chosen:
            continue
        options = []
        for value in [*chosen, *(it for it in values if it not in chosen)][:MOST_OPTIONS]:
            rest = [it for it in chosen if it != value] if value in chosen else [*chosen, value]
            href = f"{reverse('catalogue')}?{query({'q': text, **choices, name: rest})}"
            options.append(Option(facet_value(name, value, providers), values[value], href, value in chosen))
        facets.append(Facet(facet_name(name), tuple(options), max(0, len(values) - MOST_OPTIONS)))
    return Facets(found.total, tuple(facets))
