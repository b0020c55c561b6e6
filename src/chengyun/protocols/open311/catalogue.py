# SPDX-License-Identifier: Apache-2.0
"""What can be requested: every category of the catalogue in force is a service; what else it asks is declared in attributes.toml.

A category `component/0118` is the service `component-0118`: a code stands in addresses, where a slash would part it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.cases.intake.thinking import report_type
from chengyun.city import City
from chengyun.errors import NotFound, Refused, nearest

__all__ = ["Service", "category_of", "check_attributes", "code_of", "definition", "service", "services"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service. attributes: as declared, in their order."""

    code: str
    category: str
    name: str
    group: str
    attributes: tuple[Mapping[str, Any], ...]

    def as_document(self) -> dict[str, Any]:
        return {
            "service_code": self.code, "service_name": self.name, "description": f"{self.group} · {self.name}",
            "metadata": bool(self.attributes), "type": "realtime", "keywords": f"{self.group},{self.name}", "group": self.group,
        }  # fmt: skip


def services() -> tuple[Service, ...]:
    """Return every service, in the order of the catalogue."""
    city: City = settings.CITY
    scheme = city.scheme(report_type())
    if scheme is None:
        return ()
    found = scheme.catalogue(scheme.version_on(timezone.localdate())).values()
    return tuple(Service(code_of(one.code), one.code, _(one.minor), _(one.major), _attributes(one.code)) for one in found)


def service(code: str) -> Service:
    """Return one service. Raises NotFound."""
    known = {one.code: one for one in services()}
    if code not in known:
        raise NotFound(f"service_code {code[:80]!r} was not found.{nearest(code, known)} GET services lists them all.")
    return known[code]


def code_of(category: str) -> str:
    return category.replace("/", "-")


def category_of(code: str) -> str:
    return code.replace("-", "/")


def definition(one: Service) -> dict[str, Any]:
    """Return the service definition: what else must or may be said."""
    attributes = []
    for order, declared in enumerate(one.attributes, 1):
        shown: dict[str, Any] = {
            "variable": True, "code": declared["code"], "datatype": declared["datatype"], "required": declared["required"],
            "datatype_description": declared.get("datatype_description", ""), "order": order,
            "description": declared["description"],
        }  # fmt: skip
        if "values" in declared:
            shown["values"] = [{"key": key, "name": name} for key, name in declared["values"].items()]
        attributes.append(shown)
    return {"service_code": one.code, "attributes": attributes}


def check_attributes(one: Service, given: Mapping[str, list[str]]) -> None:
    """Raise Refused for an attribute that is missing, unknown, or has a value that is none of its list."""
    declared = {attribute["code"]: attribute for attribute in one.attributes}
    for code in given:
        if code not in declared:
            raise Refused(f"attribute[{code[:60]}] is unknown for service {one.code}.{nearest(code, declared)}", code="attribute")
    for code, attribute in declared.items():
        values = [value for value in given.get(code, []) if value.strip()]
        if attribute["required"] and not values:
            raise Refused(f"attribute[{code}] is required for service {one.code}: {attribute['description']}", code="attribute")
        known = attribute.get("values", {})
        wrong = [value for value in values if known and value not in known]
        if wrong:
            raise Refused(f"attribute[{code}] is {wrong[0][:60]!r}, expected one of {', '.join(known)}.", code="attribute")
        if len(values) > 1 and attribute["datatype"] != "multivaluelist":
            raise Refused(f"attribute[{code}] was given {len(values)} times, expected once.", code="attribute")


def _attributes(category: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in _declared() if category.startswith(one["category"]))


@functools.cache
def _declared() -> tuple[Mapping[str, Any], ...]:
    text = Path(__file__).with_name("attributes.toml").read_text(encoding="utf-8")
    return tuple(tomllib.loads(text)["attribute"])
