# SPDX-License-Identifier: Apache-2.0
"""Pages of packs, and the page of one entity: declared panels in the kernel's frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.city import Chart, City, Entity, Page, Tiles, qualify
from chengyun.errors import NotFound, Refused, nearest
from chengyun.share.registers.asked import instant
from chengyun.share.registers.queries import leads_to
from chengyun.web import shown
from chengyun.web.latest import Latest, latest_of
from chengyun.web.layers import Layer
from chengyun.web.maps import CityMap, city_map
from chengyun.web.panels import Asked, Panel, Subject, panels, register
from chengyun.web.registers.panels import Cell, Purposes, allowed_for, cell, purposes_for, ties_of
from chengyun.web.registers.record import RecordBlock, record
from chengyun.web.series import ChartData, chart_data
from chengyun.web.shell import city_name
from chengyun.web.spans import length_of
from chengyun.web.work import Work, work

TABLE_ROWS = 200
"""Rows of a chart's table: the newest; all of them are in the data service."""


@dataclass(frozen=True)
class PackPage:
    """name, pack, owner, answers, standards: as declared, translated by the template."""

    name: str
    pack: str
    owner: str
    answers: str
    standards: str
    panels: tuple[Panel, ...]
    as_of: dt.datetime


@dataclass(frozen=True)
class Fact:
    """One attribute of a register. href: the page of the thing it names, or ""."""

    name: str
    value: str
    href: str = ""


@dataclass(frozen=True)
class PurposePage:
    """What a register of persons is, and for what this reader may read it."""

    name: str
    purposes: Purposes


@dataclass(frozen=True)
class EntityPage:
    """One thing of a register. latest: its newest observation in each stream, value by value, flags in words."""

    entity: str
    name: str
    pack: str
    owner: str
    simulated: bool
    facts: tuple[Fact, ...]
    latest: tuple[Latest, ...]
    panels: tuple[Panel, ...]
    record: RecordBlock
    work: Work
    as_of: dt.datetime


@dataclass(frozen=True)
class SeriesTable:
    """Numbers of a chart: one row a moment, newest first. more: rows left out."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    description: str
    source: str
    more: int


@require_safe
@public
def pack_page(request: HttpRequest, pack: str, page: str) -> HttpResponse:
    """Show a page a pack declares."""
    city: City = settings.CITY
    declared = city.pages.get(f"{pack}.{page}")
    if declared is None or declared.entity is not None:
        raise NotFound(f"There is no page {pack}.{page}.{nearest(f'{pack}.{page}', city.pages)}")
    asked = _asked(request, Subject("", "", city_name()))
    manifest = city.packs[pack].pack
    found = PackPage(
        declared.name, manifest.name, manifest.owner, manifest.answers, shown.listed(manifest.standards),
        panels(pack, declared, asked, _map_of), asked.now,
    )  # fmt: skip
    return render(request, "web/pack_page.html", {"page": found})


@require_safe
@public
def entity_page(request: HttpRequest, entity: str, key: str) -> HttpResponse:
    """Show one thing of a register: what is registered, what it says now, its history, its alerts and cases."""
    city: City = settings.CITY
    if entity not in city.entities or "\x00" in key:
        raise NotFound(f"There is no register {entity!r}.{nearest(entity, city.entities)}")
    actor = actor_of(request)
    allowed = allowed_for(actor, entity, request.GET.get("purpose"))
    if not allowed.allowed:
        # Whoever could read it for a purpose is asked for one, of a thing that is there as of one that is not.
        purposes = purposes_for(actor, entity, None)
        if purposes is None:
            raise NotFound(_("没有找到。"), dataset=entity)
        return render(request, "registers/purpose.html", {"page": PurposePage(city.entities[entity].name, purposes)})
    model = register(entity)
    row = allowed.rows_for(model._default_manager.filter(key=key), record=False).first()
    names = [one.name for one in model._meta.concrete_fields if not one.primary_key]
    allowed.record_rows([key] if row else [], names, key)
    if row is None:
        raise NotFound(f"There is no {entity} {key!r}.")
    if (meant := leads_to(entity, key, instant(request.GET.get("known")))) != key:
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return HttpResponseRedirect(f"{reverse('entity', args=[entity, meant])}{query}")
    pack = entity.split(".")[0]
    visible = allowed.mask({field.name: getattr(row, field.name) for field in model._meta.concrete_fields})
    name = str(visible.get("name", key))
    asked = _asked(request, Subject(entity, key, name))
    datasets = frozenset(
        [name for name, stream in city.streams.items() if qualify(name.split(".")[0], stream.entity.to) == entity]
        + [
            name
            for name, one in city.indicators.items()
            if one.subject != "area" and qualify(name.split(".")[0], one.subject) == entity
        ]
    )
    found = EntityPage(
        entity=city.entities[entity].name,
        name=name,
        pack=city.packs[pack].pack.name,
        owner=city.packs[pack].pack.owner,
        simulated=row.simulated,
        facts=_facts(row, visible, ties_of(actor, entity, row, visible, request.GET.get("purpose"))),
        latest=latest_of(entity, row.pk, row.area_code, actor, asked.now),
        panels=_panels_of(entity, asked),
        record=record(entity, key, allowed, request.GET.dict()),
        work=work(actor, asked.now, about=(datasets, key)),
        as_of=asked.now,
    )
    return render(request, "web/entity.html", {"page": found})


@require_safe
@public
def series(request: HttpRequest) -> HttpResponse:
    """Return a chart's series as JSON."""
    try:
        data = chart_data(request.GET.dict(), actor_of(request), timezone.now())
    except Refused as wrong:
        status = 404 if isinstance(wrong, NotFound) else 400
        return JsonResponse({"code": wrong.code, "message": wrong.sentence if status == 400 else _("没有找到。")}, status=status)
    return JsonResponse(data.as_json(), headers={"Cache-Control": "private, max-age=30"})


@require_safe
@public
def series_table(request: HttpRequest) -> HttpResponse:
    """Return a chart's numbers as a table: a fragment inside its page, a page of its own elsewhere."""
    data = chart_data(request.GET.dict(), actor_of(request), timezone.now())
    fragment = getattr(request, "htmx", False)
    return render(request, "web/series_fragment.html" if fragment else "web/series_table.html", {"page": _series_table(data)})


def _series_table(data: ChartData) -> SeriesTable:
    lines = [dict(series.points) for series in data.series]
    moments = sorted({moment for line in lines for moment, value in line.items() if value is not None}, reverse=True)
    rows = tuple(
        (
            shown.moment(dt.datetime.fromtimestamp(moment / 1000, dt.UTC)),
            tuple(shown.number(line.get(moment), series.decimals) for line, series in zip(lines, data.series, strict=True)),
        )
        for moment in moments[:TABLE_ROWS]
    )
    names = tuple(f"{series.name} ({sign})" if (sign := shown.unit(series.unit)) else series.name for series in data.series)
    return SeriesTable(names, rows, data.description, data.source, max(0, len(moments) - TABLE_ROWS))


def _asked(request: HttpRequest, subject: Subject) -> Asked:
    span, year = request.GET.get("span"), request.GET.get("year", "")
    if span is not None:
        length_of(span)
    if year and not (year.isascii() and year.isdigit() and 1900 <= int(year) <= 2200):
        raise Refused(f"year is {year!r}, expected four digits.")
    return Asked(actor_of(request), timezone.now(), subject, span, int(year) if year else None, request.GET.dict())


def _map_of(points: Layer) -> CityMap:
    return city_map(f"map-{points.id.replace('.', '-')}", _(points.name), (points,))


def _panels_of(entity: str, asked: Asked) -> tuple[Panel, ...]:
    """Return the panels of every page declared for an entity, by its own pack or another."""
    found: list[Panel] = []
    for pack, page in _pages_of(entity):
        found += panels(pack, page, asked, _map_of, first=len(found))
    return tuple(found)


def _pages_of(entity: str) -> list[tuple[str, Page]]:
    """Return pack and page of those declared for an entity; where its own pack declares none, one derived from what is known."""
    city: City = settings.CITY
    declared = [
        (name.split(".")[0], page)
        for name, page in city.pages.items()
        if page.entity and qualify(name.split(".")[0], page.entity) == entity
    ]
    pack = entity.split(".")[0]
    if any(owner == pack for owner, _page in declared):
        return sorted(declared, key=lambda one: one[0] != pack)
    own = [
        one.key for name, one in city.indicators.items() if name.startswith(f"{pack}.") and qualify(pack, one.subject) == entity
    ]
    charts: list[Any] = [
        Chart(stream.name, stream=stream.key, fields=[quantity.key for quantity in stream.quantities if quantity.unit == unit])
        for name, stream in city.streams.items()
        if name.startswith(f"{pack}.") and qualify(pack, stream.entity.to) == entity
        for unit in dict.fromkeys(quantity.unit for quantity in stream.quantities)
    ]
    thing: Entity = city.entities[entity]
    derived = Page(key=thing.key, name=thing.name, entity=thing.key, panels=[*([Tiles(thing.name, own)] if own else []), *charts])
    return [(pack, derived), *declared]


def _facts(
    row: Any, visible: dict[str, Any], ties: Mapping[tuple[str, str], Cell]
) -> tuple[Fact, ...]:  # fmt: skip
    """Return a register row's attributes in declared order, those the reader may see, unknown ones as "—"."""
    facts = []
    for field in row._meta.concrete_fields:
        if field.name in ("id", "name", "simulated") or field.name not in visible:
            continue
        value = visible[field.name]
        if field.name in ("lon", "lat") and value is None:  # most things of a base register stand nowhere
            continue
        tie = ties.get((field.name, str(value)))
        facts.append(Fact(_(str(field.verbose_name)), tie.text if tie else cell(field, value), tie.href if tie else ""))
    return tuple(facts)
