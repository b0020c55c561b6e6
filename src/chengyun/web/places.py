# SPDX-License-Identifier: Apache-2.0
"""Names and outlines of areas as pages use them, kept for a few seconds: they change when a person loads new ones."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language

from chengyun.areas.queries import areas_on, boundaries
from chengyun.web.cache import kept

KEPT_FOR_S = 10.0


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the city is. box: [west, south, east, north] of the districts' label points. credits: whose outlines they are."""

    box: tuple[float, float, float, float]
    credits: tuple[str, ...]


def area_names(level: str | None = None) -> dict[str, str]:
    """Return code → name, of one level or of all, by code, in the page's language where a name in it is known."""
    english = (get_language() or "").startswith("en")

    def make() -> dict[str, str]:
        return {row.code: (row.name_en if english and row.name_en else row.name) for row in areas_on(None, level)}

    return kept(("names", level, english), make, KEPT_FOR_S)


def districts() -> list[str]:
    """Return the codes of the districts of today, in order."""
    return list(area_names("district"))


def extent() -> Extent:
    """Return where the city is; the whole country when nothing is known of it."""
    return kept(("extent",), _extent, KEPT_FOR_S)


def _extent() -> Extent:
    features = [feature["properties"] for feature in boundaries("district")["features"]]
    placed = [one for one in features if one["lon"] is not None]
    sources = tuple(sorted({one["source"] for one in features if one["source"]}))
    if not placed:
        return Extent((73.0, 18.0, 135.0, 54.0), sources)
    lons, lats = [one["lon"] for one in placed], [one["lat"] for one in placed]
    return Extent((min(lons), min(lats), max(lons), max(lats)), sources)
