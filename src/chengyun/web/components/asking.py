# SPDX-License-Identifier: Apache-2.0
"""What an address asks of the register, and the choices a page offers for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from chengyun.cases.components.queries import Asked
from chengyun.cases.components.register import kind, local_day
from chengyun.city.models import ComponentRegister
from chengyun.web.desk.pages import asked
from chengyun.web.maps import CityMap, city_map

__all__ = ["Option", "component_map", "groups", "read_asked", "states"]

COLOURS = {"intact": "#1c7a45", "damaged": "#d9480f", "missing": "#c62828", "occupied": "#b08900", "removed": "#7a8388"}
"""Of states on the map; the list beside it says the same in words."""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str
    chosen: bool
    colour: str = ""


def read_asked(request: HttpRequest) -> Asked:
    """Return the filters of an address; what is no filter of ours is left out."""
    category, state, area, grid, text, due = asked(request, "category", "state", "area", "grid", "q", "due")
    return Asked(
        category=category[:64], state=state if state in ComponentRegister.State.values else "",
        area=area[:12] if area.isdigit() else "", grid=grid[:15] if grid.isdigit() else "", text=text[:80], due=due == "1",
    )  # fmt: skip


def groups(chosen: str) -> tuple[tuple[str, tuple[Option, ...]], ...]:
    """Return the component categories of the catalogue in force by their major class; a whole class can be chosen, too."""
    found: dict[str, list[Option]] = {}
    for code, one in kind().catalogue(local_day(timezone.now()))[1].items():
        whole = code[: len("component/01")]
        if one.major not in found:
            found[one.major] = [Option(whole, _(one.major), chosen == whole)]
        found[one.major].append(Option(code, _(one.minor), chosen == code))
    return tuple((_(major), tuple(options)) for major, options in found.items())


def states(chosen: str) -> tuple[Option, ...]:
    return tuple(Option(value, str(word), value == chosen, COLOURS[value]) for value, word in ComponentRegister.State.choices)


def component_map(given: Asked, **more: Any) -> CityMap:
    """Return a map of the components a list shows, as vector tiles."""
    made = city_map("component-map", _("部件图"), ())
    filters = urlencode(
        {key: value for key, value in asdict(given).items() if value and key in ("category", "state", "area", "grid")}
    )
    address = reverse("component-tile", args=[0, 0, 0]).removesuffix("0/0/0")
    made.settings["components"] = {
        "tiles": f"{address}{{z}}/{{x}}/{{y}}" + (f"?{filters}" if filters else ""),
        "page": reverse("component", args=["0" * 16]).replace("0" * 16, "{key}"),
        "colours": COLOURS,
        "states": {value: str(word) for value, word in ComponentRegister.State.choices},
        "many": _("此处有 {count} 件，放大查看"),
        "details": _("详情"),
    } | more  # fmt: skip
    return made
