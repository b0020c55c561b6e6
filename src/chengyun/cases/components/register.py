# SPDX-License-Identifier: Apache-2.0
"""Which register of the city holds components, and which kind of case is about them: found by declaration, not by name."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.access.policy import scope
from chengyun.city import City, qualify
from chengyun.city.models import ComponentRegister
from chengyun.city.scheme import Category, Scheme
from chengyun.config import config
from chengyun.errors import NotFound

__all__ = ["Kind", "category_of_key", "component", "declared", "kind", "local_day", "seen_by"]

KEY = re.compile(r"\d{16}")


@dataclass(frozen=True)
class Kind:
    """dataset: of the register. case_type: of the cases about its things."""

    dataset: str
    case_type: str
    model: type[ComponentRegister]
    scheme: Scheme

    def catalogue(self, day: dt.date) -> tuple[str, dict[str, Category]]:
        """Return the catalogue in force on a day: its version, and its component categories by code."""
        version = self.scheme.version_on(day)
        found = {code: one for code, one in self.scheme.catalogue(version).items() if code.startswith("component/")}
        return version, found


def kind() -> Kind:
    """Return the city's register of components. Raises NotFound where the city runs no pack that has one."""
    found = declared()
    if found is None:
        raise NotFound(_("本市没有启用部件登记。"))
    return found


def declared() -> Kind | None:
    city: City = settings.CITY
    for key, declared in city.cases.items():
        scheme = city.scheme(key)
        if declared.components and scheme:
            pack = key.split(".")[0]
            dataset = qualify(pack, declared.components)
            model = apps.get_model(pack, city.entities[dataset].model)
            return Kind(dataset, key, model, scheme)
    return None


def category_of_key(key: str) -> str:
    """Return the category that stands in a component's 16 digits; "" where the key is no such code."""
    return f"component/{key[6:10]}" if KEY.fullmatch(key) else ""


def component(actor: Actor, key: str) -> ComponentRegister:
    """Return a component the actor may see. Raises NotFound."""
    known = kind()
    row = known.model._default_manager.filter(scope(actor, known.dataset).q(), key=key[:64]).first()
    if row is None:
        raise NotFound(_("没有找到部件 %s。") % key[:64])
    return row


def seen_by(actor: Actor) -> bool:
    """Say whether an actor may see components at all."""
    found = declared()
    return found is not None and scope(actor, found.dataset).allowed


def local_day(now: dt.datetime) -> dt.date:
    return now.astimezone(config().zone).date()
