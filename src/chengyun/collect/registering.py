# SPDX-License-Identifier: Apache-2.0
"""Register rows that feeds and simulations found, written to the packs' models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import transaction

from chengyun.city import City, Registered, qualify
from chengyun.city.models import Register

__all__ = ["model_of", "place", "register"]

AT_ONCE = 2_000
"""Rows of one statement."""


def model_of(city: City, entity: str) -> type[Register]:
    """Return the model of an entity, by its qualified key."""
    return apps.get_model(entity.split(".")[0], city.entities[entity].model)


def register(city: City, pack: str, found: Iterable[Registered], *, simulated: bool = False) -> int:
    """Add what is not registered and, unless it is simulated, bring what is up to date; return how many rows changed.

    An entity without an area gets the smallest district, street or community that holds its point. What is said of a
    simulated thing never changes a real one.
    """
    changed = 0
    with transaction.atomic():
        by_entity: dict[str, dict[str, dict[str, Any]]] = {}
        for one in found:
            by_entity.setdefault(qualify(pack, one.entity), {}).setdefault(one.key, {}).update(one.values)
        for entity, rows in by_entity.items():
            changed += _register(model_of(city, entity), rows, simulated)
    return changed


def _register(model: type[Register], rows: dict[str, dict[str, Any]], simulated: bool) -> int:
    known = {it.key: it for it in model._default_manager.filter(key__in=rows)}
    fields = {field.name for field in model._meta.concrete_fields}
    place(rows)
    changed, new = 0, list[Register]()
    for key, values in rows.items():
        there = known.get(key)
        if there is not None and simulated:
            continue
        said = {name: value for name, value in values.items() if name in fields and value is not None}
        said["simulated"] = simulated
        if there is None:
            new.append(model(key=key, **{"name": key, **said}))
            continue
        # A register's own source and name, once given, are not emptied by a feed that knows less.
        news = {name: value for name, value in said.items() if getattr(there, name) != value and value != ""}
        if news:
            for name, value in news.items():
                setattr(there, name, value)
            there.save(update_fields=list(news))
            changed += 1
    model._default_manager.bulk_create(new, batch_size=AT_ONCE)
    return changed + len(new)


def place(rows: dict[str, dict[str, Any]]) -> None:
    """Give rows with a point and no area the smallest district, street or community that holds it."""
    from chengyun.areas.queries import area_of_points  # loads shapely, which a page that registers nothing does without

    open_rows = [
        it for it in rows.values() if not it.get("area_code") and it.get("lon") is not None and it.get("lat") is not None
    ]
    if not open_rows:
        return
    points = [it["lon"] for it in open_rows], [it["lat"] for it in open_rows]
    for level in ("community", "street", "district"):
        codes = area_of_points(*points, level=level)
        for it, code in zip(open_rows, codes.tolist(), strict=True):
            if code and not it.get("area_code"):
                it["area_code"] = code
