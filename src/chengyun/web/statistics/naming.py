# SPDX-License-Identifier: Apache-2.0
"""Names of what is counted apart, and what there is to choose from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.access.models import Organisation
from chengyun.areas.queries import children, names_of
from chengyun.cases.models import Case
from chengyun.cases.statistics.queries import Asked, By, Counts, Grain
from chengyun.city import City
from chengyun.config import config
from chengyun.web import places
from chengyun.web.desk.alerts import Choice

__all__ = ["areas_to_choose", "bodies", "categories_to_choose", "names_of_keys", "step_name", "step_says"]


def names_of_keys(by: By, keys: Sequence[Any], asked: Asked) -> dict[Any, str]:
    """Return the name of each area, category, department or source; of none of them: that it is not known."""
    none = _("未定")
    match by:
        case "area":
            known = names_of([key for key in keys if key])
            return {key: known.get(key) or none for key in keys}
        case "department":
            everybody = dict(bodies(centre=True))
            return {key: everybody.get(key, none) for key in keys}
        case "source":
            sources = {value: str(name) for value, name in Case.Source.choices}
            return {key: sources.get(key, key or none) for key in keys}
    found = {one.value: one.name for _group, choices in categories_to_choose(asked) for one in choices}
    return {key: f"{found[key]}（{key}）" if key in found else key or none for key in keys}


def step_name(first: dt.date, grain: Grain) -> str:
    """Return the name of a day, week (ISO) or month."""
    if grain == "week":
        year, week, _day = first.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{first:%Y-%m}" if grain == "month" else f"{first:%Y-%m-%d}"


def step_says(name: str, now: Counts, then: Counts | None = None) -> str:
    """Return what a bar of the picture says."""
    said = _("%(name)s：立案 %(opened)s，结案 %(closed)s") % {
        "name": name, "opened": f"{now['opened']:,}", "closed": f"{now['closed']:,}",
    }  # fmt: skip
    return said if then is None else f"{said} · {_('对比')} {then['opened']:,}"


def bodies(*, centre: bool = False) -> list[tuple[int, str]]:
    """Return the city's organisations by name. centre: with the operations centre, which works on no case itself."""
    found = Organisation.objects.all() if centre else Organisation.objects.exclude(kind="centre")
    return [(pk, places.said(name)) for pk, name in found.order_by("name").values_list("pk", "name")]


def areas_to_choose(chosen: str) -> tuple[Choice, ...]:
    """Return the districts of the city and, inside one that is chosen, its streets."""
    found = []
    for full, name in places.area_names("district").items():
        if not full.startswith(config().city[:4]):
            continue
        code = full[:6]
        found.append(Choice(code, name, code == chosen))
        if chosen.startswith(code):
            found += [Choice(one.code[:9], f"　{one.name}", one.code[:9] == chosen) for one in children(full)]
    if chosen and not any(one.chosen for one in found):
        found.append(Choice(chosen, names_of([chosen])[chosen], True))
    return tuple(found)


def categories_to_choose(asked: Asked) -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    """Return the categories of the kinds of cases asked for, by the group they are in."""
    city: City = settings.CITY
    found: dict[str, list[Choice]] = {}
    for key in asked.types:
        scheme = city.scheme(key)
        if scheme is None:
            continue
        for one in scheme.catalogue(scheme.version_on(timezone.localdate())).values():
            chosen = one.code == asked.category
            found.setdefault(f"{_(one.kind)} · {_(one.major)}", []).append(Choice(one.code, _(one.minor), chosen))
    if asked.category and not any(one.chosen for group in found.values() for one in group):
        found.setdefault(_("其他"), []).append(Choice(asked.category, asked.category, True))
    return tuple((name, tuple(choices)) for name, choices in found.items())
