# SPDX-License-Identifier: Apache-2.0
"""Template words of boards: places between 0 and 1 as what SVG and style sheets take."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from urllib.parse import quote

from django import template

from chengyun.web.boards.shown import Point, Series

register = template.Library()


@register.filter
def to100(place: float) -> str:
    """Return a place as so many hundredths."""
    return f"{place * 100:g}"


@register.filter
def path(series: Series, height: int) -> str:
    """Return a line as the path of an SVG 1000 units wide; a value that stands alone is a short stroke."""
    runs = []
    for run in series.points:
        places = [f"{x * 1000:.1f} {y * height:.2f}" for x, y in run]
        runs.append("M" + "L".join(places) if len(places) > 1 else f"M{places[0]}h2")
    return "".join(runs)


@register.filter
@lru_cache(maxsize=256)
def outline(rings: tuple[tuple[Point, ...], ...]) -> str:
    """Return an outline as the path of an SVG; those of a city's districts are asked for again and again."""
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)


@register.filter
def later(moment: dt.datetime) -> str:
    """Return the first whole second after a moment, as an address takes it: when what was saved then was known."""
    return quote((moment + dt.timedelta(seconds=1)).replace(microsecond=0).isoformat())
