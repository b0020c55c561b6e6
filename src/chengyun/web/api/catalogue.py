# SPDX-License-Identifier: Apache-2.0
"""Areas, and the datasets a program may read, with their fields."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import require_scope, scope
from chengyun.access.rulebook import Facts, rulebook
from chengyun.areas import queries as areas
from chengyun.city import City, Quantity, Ref
from chengyun.errors import NotFound
from chengyun.web.api.asked import cursor_of, read_cursor

PREFIX = "/api/v1"


def area_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return areas by code."""
    require_scope(actor, "areas")
    rows = areas.areas_on(asked["day"], asked["level"])
    if asked["parent"]:
        rows = [row for row in rows if row.parent_code == asked["parent"]]
    if after := read_cursor(asked["cursor"], str):
        rows = [row for row in rows if row.code > after[0]]
    page = rows[: asked["limit"]]
    more = len(rows) > len(page)
    return {"areas": [_area(row) for row in page], "next": cursor_of([page[-1].code]) if more and page else None}


def boundary(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return an area's outline as a GeoJSON feature, WGS-84, simplified for screens."""
    require_scope(actor, "areas")
    row = areas.area(asked["code"], asked["day"])
    features = areas.boundaries(row.level, asked["day"])["features"] if row and row.bounded else []
    found = next((one for one in features if one["id"] == asked["code"]), None)
    if found is None:
        raise NotFound(f"There is no boundary of {asked['code']!r}.")
    return {"type": "Feature", "id": found["id"], "properties": dict(found["properties"]), "geometry": found["geometry"]}


def dataset_list(actor: Actor, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the actor may read, by key; what may not be read is not there."""
    purpose = asked["purpose"]
    found = []
    for key, facts in rulebook().datasets.items():
        allowed = scope(actor, key, purpose)
        if allowed.allowed:
            found.append(_dataset(facts, allowed.because, allowed.hidden))
    return {"datasets": found, "next": None}


def _area(row: areas.AreaRow) -> dict[str, Any]:
    names = ("code", "level", "name", "name_en", "parent_code", "valid_from", "valid_to", "lon", "lat", "source")
    return {name: getattr(row, name) for name in names}


def _dataset(facts: Facts, because: str, hidden: frozenset[str]) -> dict[str, Any]:
    city: City = settings.CITY
    key = facts.key
    links = {
        "entity": [f"{PREFIX}/registers/{key}"],
        "stream": [f"{PREFIX}/streams/{key}/latest", f"{PREFIX}/streams/{key}/observations"],
        "indicator": [f"{PREFIX}/figures/{key}", f"{PREFIX}/figures/{key}/newest"],
        "case": [f"{PREFIX}/cases?type={key}"],
        "kernel": [f"{PREFIX}/{key}"] if key in ("areas", "alerts", "cases") else [],
    }[facts.kind]
    declared: Any = {**city.entities, **city.streams, **city.indicators}.get(key)
    return {
        "key": key, "name": _(facts.name), "kind": facts.kind, "owner": _(facts.owner) if facts.owner else "",
        "sharing": facts.sharing, "open": facts.open, "personal": facts.personal,
        "one_row_is": _(declared.one_row_is) if declared else None,
        "fields": [one for one in _fields(city, facts) if one["key"] not in hidden], "because": because, "links": links,
    }  # fmt: skip


def _fields(city: City, facts: Facts) -> list[dict[str, Any]]:
    if facts.kind == "indicator":
        declared = city.indicators[facts.key]
        figure = {"key": "value", "name": _(declared.name), "kind": "number", "unit": declared.unit}
        detail = [
            {"key": f"detail.{key}", "name": _(name), "kind": "detail", "unit": None if unit == "1" else unit}
            for key, (name, unit) in declared.columns.items()
        ]
        return [figure, *detail]
    if facts.kind != "stream":
        return []
    stream = city.streams[facts.key]
    found: list[dict[str, Any]] = [{"key": stream.time, "name": _("观测时间"), "kind": "time", "unit": None}]
    for field in stream.fields:
        kind = "reference" if isinstance(field, Ref) else "number" if isinstance(field, Quantity) else "text"
        one: dict[str, Any] = {"key": field.key, "name": _(field.name) if field.name else field.key, "kind": kind, "unit": None}
        if isinstance(field, Quantity):
            one |= {"unit": field.unit, "range": list(field.valid)}
        found.append(one)
    return found
