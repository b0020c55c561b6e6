# SPDX-License-Identifier: Apache-2.0
"""What the packs declare of a base register, and values as they are kept: read against the model's fields, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext as _

from chengyun.access.hints import meant
from chengyun.city import City, Entity
from chengyun.city.models import Register
from chengyun.collect.registering import model_of
from chengyun.errors import NotFound, Refused

__all__ = [
    "KERNEL_FIELDS",
    "authority_name",
    "base_registers",
    "entity_of",
    "fields_of",
    "python_value",
    "read_values",
    "table_of",
]

KERNEL_FIELDS = frozenset({"id", "key", "valid_from", "valid_to", "simulated", "source"})
"""Columns of a register that follow from the statements; nobody states them."""


def entity_of(dataset: str) -> Entity:
    """Return the declaration of a register. Raises NotFound naming the nearest."""
    city: City = settings.CITY
    if dataset not in city.entities:
        raise NotFound(_("没有登记册 %s。") % dataset[:130] + meant(dataset, city.entities))
    found: Entity = city.entities[dataset]
    return found


def base_registers() -> dict[str, Entity]:
    """Return the registers that name their authorities, by qualified key."""
    city: City = settings.CITY
    return {key: entity for key, entity in city.entities.items() if entity.authorities}


def table_of(dataset: str) -> type[Register]:
    return model_of(settings.CITY, dataset)


def no_authority(authority: str, dataset: str, told: Iterable[str]) -> str:
    """Return the sentence for an authority that a register does not have."""
    words = {"authority": authority[:70], "dataset": dataset}
    return _("%(authority)s 不是 %(dataset)s 的来源。") % words + meant(authority, told)


def authority_name(dataset: str, authority: str) -> str:
    """Return what an authority is called; its key when it is no longer declared."""
    return next((one.name for one in entity_of(dataset).authorities if one.key == authority), authority)


def fields_of(model: type[models.Model]) -> dict[str, models.Field[Any, Any]]:
    """Return the fields that can be stated, by name."""
    return {one.name: one for one in model._meta.concrete_fields if one.name not in KERNEL_FIELDS}


def read_values(fields: Mapping[str, models.Field[Any, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return stated values as JSON holds them; None stays: it takes back. Raises Refused naming field and value."""
    read: dict[str, Any] = {}
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            raise Refused(_("没有可陈述的字段 %s。") % name[:70] + meant(name, fields), code="unknown_field")
        read[name] = None if value is None or value == "" else _json(_cleaned(field, value))
    return read


def python_value(field: models.Field[Any, Any], value: Any) -> Any:
    """Return a kept value as the model holds it; None: what the field has when nobody says anything."""
    if value is None:
        return field.get_default() if not field.null else None
    return field.to_python(value)


def _cleaned(field: models.Field[Any, Any], value: Any) -> Any:
    if field.choices and value not in dict(field.flatchoices):
        codes = "; ".join(f"{code} {text}" for code, text in field.flatchoices)
        words = {"field": field.name, "value": _short(value), "codes": codes[:200]}
        raise Refused(_("%(field)s 现为 %(value)s，不是代码，应为其中之一：%(codes)s") % words, code="unknown_code")
    try:
        cleaned = field.to_python(value)
        field.run_validators(cleaned)
    except (ValidationError, ValueError, TypeError) as wrong:
        said = "; ".join(wrong.messages) if isinstance(wrong, ValidationError) else str(wrong)
        words = {"field": field.name, "value": _short(value), "why": said}
        raise Refused(_("%(field)s 现为 %(value)s：%(why)s") % words, code="wrong_value") from None
    if isinstance(cleaned, str) and "\x00" in cleaned:
        raise Refused(_("%s 含有零字节。") % field.name, code="wrong_value")
    if isinstance(cleaned, float) and cleaned - cleaned != 0:
        words = {"field": field.name, "value": _short(value)}
        raise Refused(_("%(field)s 现为 %(value)s，应为有限的数。") % words, code="wrong_value")
    return cleaned


def _json(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict) else DjangoJSONEncoder().default(value)


def _short(value: Any) -> str:
    return repr(value)[:60]
