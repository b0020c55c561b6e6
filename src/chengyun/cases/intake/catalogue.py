# SPDX-License-Identifier: Apache-2.0
"""The categories reports are sorted into, as the catalogue in force has them, and whose duty each would be."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from chengyun.cases import hooks
from chengyun.cases.intake.thinking import report_type
from chengyun.cases.models import Case
from chengyun.city import City

__all__ = ["Category", "categories", "clause_of", "name_of_category"]


@dataclass(frozen=True, slots=True)
class Category:
    """A category as people choose it."""

    code: str
    name: str


def categories() -> tuple[tuple[str, tuple[Category, ...]], ...]:
    """Return the catalogue in force as groups of categories, in its order."""
    city: City = settings.CITY
    scheme = city.scheme(report_type())
    if scheme is None:
        return ()
    groups: dict[str, list[Category]] = {}
    for one in scheme.catalogue(scheme.version_on(timezone.localdate())).values():
        groups.setdefault(one.major, []).append(Category(one.code, one.minor))
    return tuple((name, tuple(found)) for name, found in groups.items())


def name_of_category(code: str) -> str:
    """Return what a category is called, in the newest catalogue that has it; "" for none."""
    return _names().get(code, "")


def clause_of(category: str, case: Case | None) -> str:
    """Return the entry of the duty list that a case would fall under if it were of a category; "" where none speaks of it."""
    if case is None or not category:
        return ""
    asked = copy.copy(case)
    asked.category = category
    for find in hooks.owner_finders:
        if (found := find(asked, timezone.localdate())) is not None:
            return f"{found.organisation.name} · {found.clause}"
    return ""


@functools.cache
def _names() -> dict[str, str]:
    city: City = settings.CITY
    scheme = city.scheme(report_type())
    known = sorted(scheme.categories, key=lambda one: one.in_force) if scheme else []
    return {one.code: one.minor for one in known}
