# SPDX-License-Identifier: Apache-2.0
"""The part of the graph an installation adds while it runs: sources and their columns, forms and where they lead, grants, and
the alert rules it has filed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chengyun.access.models import Grant
from chengyun.city import City
from chengyun.collect.forms.models import FormVersion
from chengyun.collect.pull.models import Source
from chengyun.operate.probation.ruleset import rules_known
from chengyun.share.lineage.declared import alert_parts
from chengyun.share.lineage.shapes import EVERY, Column, Edge, Item, Place

__all__ = ["runtime_parts"]


def runtime_parts() -> Iterator[Place | Edge]:
    """Yield the places and edges of what is in use now; a few queries."""
    for key, name, spec in Source.objects.order_by("key").values_list("key", "name", "spec"):
        yield from _source(key, name, spec)
    published = FormVersion.objects.filter(state=FormVersion.State.PUBLISHED).select_related("form")
    for version in published.defer("source", "xform").order_by("form_id"):
        yield from _form(version)
    city: City = settings.CITY
    for key, rule in rules_known(city).items():
        if key not in city.alerts:
            yield from alert_parts(city, key, rule, f"alert-rules/{key}")
    now = timezone.now()
    for grant in Grant.objects.filter(Q(until=None) | Q(until__gt=now)).select_related("organisation").order_by("id"):
        yield from _grant(grant)


def _source(key: str, name: str, spec: Mapping[str, Any]) -> Iterator[Place | Edge]:
    place, at = f"source:{key}", "sources"
    columns: dict[str, Item] = {}
    edges = []

    def carried(to: str, column: str, given: object) -> None:
        for one in _named(given):
            columns.setdefault(one, Item(one, one))
            edges.append(Edge(Column(place, one), Column(to, column), _how(given), str(given), at))

    stream, register = spec.get("stream") or {}, spec.get("register") or {}
    for column, given in (stream.get("columns") or {}).items():
        carried(stream["to"], column, given)
    if register:
        carried(register["to"], "key", register.get("key"))
        for column, given in (register.get("columns") or {}).items():
            carried(register["to"], column, given)
    yield Place(place, "source", name, tuple(columns.values()), "sources", at)
    yield from edges


def _named(given: object) -> tuple[str, ...]:
    """Return the source's columns a mapping names: one, or the one inside {"from": …, "unit": …}."""
    if isinstance(given, str):
        return (given,)
    if isinstance(given, Mapping):
        for name in ("from", "column", "columns", "of"):
            if name in given:
                return _named(given[name])
    if isinstance(given, list | tuple):
        return tuple(one for part in given for one in _named(part))
    return ()


def _how(given: object) -> Any:
    return "identity" if isinstance(given, str) else "transformation"


def _form(version: FormVersion) -> Iterator[Place | Edge]:
    place = f"form:{version.form_id}"
    items = tuple(
        Item(one["path"], next(iter(one["labels"].values()), one["path"]), _LETTERS.get(one["type"], "C"))
        for one in version.questions
    )
    yield Place(place, "form", version.title, items, "forms", f"{version.source_name} {version.version}")
    form = version.form
    for column, path in (form.columns or {}).items() if form.stream else ():
        yield Edge(Column(place, path), Column(form.stream, column), "identity", f"{path} → {column}", f"forms/{form.key}")


_LETTERS = {"int": "N", "decimal": "N", "date": "D", "dateTime": "T", "binary": "B", "boolean": "L"}


def _grant(grant: Grant) -> Iterator[Place | Edge]:
    number = getattr(grant, "number", "") or str(grant.pk)
    place = f"grant:{number}"
    who = grant.organisation.name if grant.organisation else grant.get_role_display()
    yield Place(place, "grant", who, (Item("read", grant.purpose or grant.basis),), "grants", number)
    for column in grant.fields or [EVERY]:
        yield Edge(Column(grant.dataset, column), Column(place, "read"), "identity", grant.purpose, number)
