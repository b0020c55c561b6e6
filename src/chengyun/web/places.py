# SPDX-License-Identifier: Apache-2.0
"""Names and outlines of areas as pages use them, kept for a few seconds: they change when a person loads new ones."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from chengyun.access.models import Organisation
from chengyun.access.services import BRANCH
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


def said(text: str) -> str:
    """Return the text of a declaration, or the name of a body, in the page's language.

    A district's branch is called after its department and its district.
    """
    words = str(_(text)) if text else ""
    if not (get_language() or "").startswith("en"):
        return kept(("sources",), _sources_in_chinese, KEPT_FOR_S).get(words, words)
    if words != text or not text.endswith(BRANCH):
        return words
    for name, english in kept(("districts",), _districts_in_english, KEPT_FOR_S):
        if text.endswith(name + BRANCH):
            return f"{_(text.removesuffix(name + BRANCH))}, {english}"
    return text


def bodies() -> tuple[tuple[str, str], ...]:
    """Return key and name of the bodies that may be charged with a case, in the page's language."""
    return tuple((key, said(name)) for key, name in Organisation.objects.exclude(kind="centre").values_list("key", "name"))


def _sources_in_chinese() -> dict[str, str]:
    """Return what dated tables name as their source → the same in Chinese, where it is written in English."""
    limits = [pack.limits for pack in settings.CITY.packs.values()]
    entries = [entry for one in limits for table in one for entry in one.editions(table)]
    return {entry.source: entry.source_zh for entry in entries if entry.source_zh}


def _districts_in_english() -> list[tuple[str, str]]:
    return [(row.name, row.name_en) for row in areas_on(None, "district") if row.name_en]


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
