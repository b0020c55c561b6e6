# SPDX-License-Identifier: Apache-2.0
"""Names of areas, many at once: the tree is asked whether it changed once, not once a name."""

from __future__ import annotations

from django.utils.translation import get_language

from chengyun.areas.queries import areas_on


def area_names(level: str | None = None) -> dict[str, str]:
    """Return code → name, of one level or of all, in the page's language where a name in it is known."""
    english = (get_language() or "").startswith("en")
    return {row.code: (row.name_en if english and row.name_en else row.name) for row in areas_on(None, level)}


def districts() -> list[str]:
    """Return the codes of the districts of today, in order."""
    return [row.code for row in areas_on(None, "district")]
