# SPDX-License-Identifier: Apache-2.0
"""What the packs declare of a base register, and values as they are kept: read against the model's fields, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from chengyun.city import City, Entity
from chengyun.city.models import Register
from chengyun.collect.registering import model_of
from chengyun.errors import NotFound, Refused, nearest

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
        raise NotFound(f"There is no register {dataset!r}.{nearest(dataset, city.entities)}")
    found: Entity = city.entities[dataset]
    return found


def base_registers() -> dict[str, Entity]:
    """Return the registers that name their authorities, by qualified key."""
    city: City = settings.CITY
    return {key: entity for key, entity in city.entities.items() if entity.authorities}


def table_of(dataset: str) -> type[Register]:
    return model_of(settings.CITY, dataset)


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
            raise Refused(f"{name!r} is not a field that can be stated.{nearest(name, fields)}", code="unknown_field")
        read[name] = None if value is None or value == "" else _json(_cleaned(field, value))
    return read


def python_value(field: models.Field[Any, Any], value: Any) -> Any:
    """Return a kept value as the model holds it; None: what the field has when nobody says anything."""
    if value is None:
        return field.get_default() if not field.null else None
    return field.to_python(value)


def _cleaned(field: models.Field[Any, Any], value: Any) -> Any:
    if field.choices and value not in dict(field.flatchoices):
        codes = ", ".join(f"{code} {text}" for code, text in field.flatchoices)
        raise Refused(f"{field.name} is {_short(value)}, which is no code; expected one of {codes[:200]}", code="unknown_code")
    try:
        cleaned = field.to_python(value)
        field.run_validators(cleaned)
    except (ValidationError, ValueError, TypeError) as wrong:
        said = "; ".join(wrong.messages) if isinstance(wrong, ValidationError) else str(wrong)
        raise Refused(f"{field.name} is {_short(value)}: {said}", code="wrong_value") from None
    if isinstance(cleaned, str) and "\x00" in cleaned:
        raise Refused(f"{field.name} holds a zero byte", code="wrong_value")
    if isinstance(cleaned, float) and cleaned - cleaned != 0:
        raise Refused(f"{field.name} is {_short(value)}, expected a finite number", code="wrong_value")
    return cleaned


def _json(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict) else DjangoJSONEncoder().default(value)


def _short(value: Any) -> str:
    return repr(value)[:60]
