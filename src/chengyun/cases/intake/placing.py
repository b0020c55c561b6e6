# SPDX-License-Identifier: Apache-2.0
"""Where a report is: from its position, or from the names of areas in what was written."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chengyun.areas.queries import areas_on, smallest_area_of
from chengyun.config import config
from chengyun.errors import Refused

__all__ = ["area_at", "area_named", "coarse", "inside"]

FINEST_FIRST = ("community", "street", "district", "city")
CELL = 0.005
"""Degrees of the cells in which private places are shown: about 500 m."""


def area_at(lon: float, lat: float) -> str:
    """Return the code of the smallest area that holds a position; "" where no boundaries are known at all.

    Raises Refused for a position outside the city.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise Refused(_("位置（%(lon)s，%(lat)s）不在地球上，请重新选择。") % {"lon": lon, "lat": lat}, code="place")
    code, bounded = smallest_area_of(lon, lat, FINEST_FIRST)
    if code:
        return code[:12]
    if bounded:
        raise Refused(_("这个位置不在本市范围内。请在地图上重新选择，或写明地址。"), code="outside")
    return ""


def inside(lon: float, lat: float) -> bool:
    """Say whether a position lies in the city, as far as its boundaries are known."""
    try:
        area_at(lon, lat)
    except Refused:
        return False
    return True


def area_named(text: str) -> str:
    """Return the code of the smallest area whose name, and the name of whose district, a text holds; "" for none or several."""
    city = config().city
    districts = [row for row in areas_on(level="district") if row.name in text and row.code.startswith(city[:4])]
    if len(districts) != 1:
        return ""
    inside = [row for row in areas_on() if row.code.startswith(districts[0].code) and len(row.code) > 6 and row.name in text]
    deepest = max((len(row.code) for row in inside), default=0)
    found = [row.code for row in inside if len(row.code) == deepest]
    return found[0][:12] if len(found) == 1 else districts[0].code


def coarse(lon: float, lat: float) -> tuple[float, float]:
    """Return the middle of the cell a position lies in, for whoever may not know it exactly."""
    return (round((lon // CELL + 0.5) * CELL, 6), round((lat // CELL + 0.5) * CELL, 6))
