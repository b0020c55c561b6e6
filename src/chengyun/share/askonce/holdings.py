# SPDX-License-Identifier: Apache-2.0
"""What registers hold, by data element, and whether it is fresh: what a form need not ask."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db.models import Max, Model

from chengyun.share.askonce.matching import Known
from chengyun.share.catalogue.models import DataElement, Item, Resource

__all__ = ["CONSENT", "Holding", "Standing", "elements", "holdings", "model_of", "standing"]

CONSENT = "form.consent"
"""Element of the question by which a person agrees to be filled in from registers."""

CYCLES: Mapping[str, dt.timedelta] = {
    "realtime": dt.timedelta(days=1), "day": dt.timedelta(days=2), "week": dt.timedelta(days=14), "month": dt.timedelta(days=62),
    "quarter": dt.timedelta(days=184), "half_year": dt.timedelta(days=366), "year": dt.timedelta(days=732),
}  # fmt: skip
"""How old the newest change of a register may be and still be fresh: twice the cycle its catalogue entry promises."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A field of a register that keeps an element. name: of the register; field_name: of the field."""

    entity: str
    name: str
    field: str
    field_name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a register stands. newest: when a row last changed; None: it has none, or nobody noted it."""

    rows: int
    newest: dt.datetime | None
    fresh: bool


def elements() -> dict[str, DataElement]:
    """Return the data elements in use, by key."""
    return {one.key: one for one in DataElement.objects.filter(withdrawn=False)}


def holdings() -> dict[str, list[Holding]]:
    """Return who holds what: element → fields of registers, the source of record first."""
    found: dict[str, list[Holding]] = {}
    city = settings.CITY
    bound = {(key, field): element for key, entity in city.entities.items() for field, element in entity.elements.items()}
    items = Item.objects.filter(resource__kind="entity").exclude(element=None).exclude(resource__state=Resource.State.WITHDRAWN)
    bound |= {(dataset, field): element for dataset, field, element in items.values_list("resource__key", "key", "element_id")}
    records = {key: one.source for key, one in elements().items()}
    for (dataset, field), element in sorted(bound.items(), key=lambda one: (records.get(one[1]) != ".".join(one[0]), one[0])):
        model = model_of(dataset)
        if model is not None and field in {one.name for one in model._meta.get_fields()}:
            said = str(getattr(model._meta.get_field(field), "verbose_name", field))
            found.setdefault(element, []).append(Holding(dataset, city.entities[dataset].name, field, said))
    return found


def model_of(dataset: str) -> type[Model] | None:
    """Return a register's model; None where its pack is not installed."""
    entity = settings.CITY.entities.get(dataset)
    try:
        return apps.get_model(dataset.split(".")[0], entity.model) if entity is not None else None
    except LookupError:
        return None


def standing(dataset: str, now: dt.datetime) -> Standing:
    """Return how a register stands: without rows it holds nothing; unchanged for two cycles, it may be wrong by now."""
    model = model_of(dataset)
    if model is None:
        return Standing(0, None, False)
    rows = model._default_manager.filter(simulated=False).count()
    newest = _newest(model)
    cycle = Resource.objects.filter(key=dataset).values_list("cycle", flat=True).first() or "irregular"
    allowed = CYCLES.get(cycle)
    return Standing(rows, newest, rows > 0 and (allowed is None or (newest is not None and now - newest <= allowed)))


def _newest(model: type[Model]) -> dt.datetime | None:
    try:
        history = apps.get_model(model._meta.app_label, f"{model.__name__}Event")
    except LookupError:
        return None
    found: dt.datetime | None = history._default_manager.aggregate(newest=Max("pgh_created_at"))["newest"]
    return found


def known() -> list[Known]:
    """Return the elements as the matcher takes them: with the names of the fields that keep them, and their choices."""
    held = holdings()
    found = []
    for key, element in elements().items():
        names, choices = [element.name, *element.synonyms], []
        for one in held.get(key, ()):
            model = model_of(one.entity)
            field = model._meta.get_field(one.field) if model else None
            choices += [str(said) for _value, said in getattr(field, "choices", None) or ()]
            names.append(one.field_name)
        found.append(Known(key, tuple(dict.fromkeys(names)), element.type, tuple(dict.fromkeys(choices))))
    return found
