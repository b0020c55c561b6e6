# SPDX-License-Identifier: Apache-2.0
"""What must be true of base registers before the program starts: every field a declaration names is one of its model."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from chengyun.city import City, Entity, Listing, Plot, Related, qualify
from chengyun.errors import nearest


@register()
def fields_exist(**_options: Any) -> list[CheckMessage]:
    """Report names of fields that no register has."""
    city: City = settings.CITY
    faults: list[CheckMessage] = []
    for name, entity in city.entities.items():
        firsts = [field for one in entity.authorities for field in one.first_for]
        wanted = [*firsts, *entity.refers, *entity.compared.values(), *([entity.cited_as] if entity.cited_as else [])]
        faults += _lacking(f"{entity.at}: {name}", name, entity, wanted)
    for key, page in city.pages.items():
        for panel in page.panels:
            fields: list[str] = []
            if isinstance(panel, Listing):
                fields = [*panel.columns, *panel.search]
            elif isinstance(panel, Related):
                fields = [*panel.columns, *panel.by]
            elif isinstance(panel, Plot):
                fields = [panel.by, panel.period, panel.value, panel.edition]
            shown = qualify(key.split(".")[0], getattr(panel, "entity", None) or "")
            if fields and shown in city.entities:
                faults += _lacking(f"page {key}", shown, city.entities[shown], fields)
    return faults


def _lacking(at: str, name: str, entity: Entity, wanted: list[str]) -> list[CheckMessage]:
    model = apps.get_model(name.split(".")[0], entity.model)
    known = {field.name for field in model._meta.concrete_fields}
    return [
        Error(f"{at}: {field!r} is not a field of {name}.{nearest(field, known)}", id="registers.E001")
        for field in dict.fromkeys(wanted)
        if field not in known
    ]
