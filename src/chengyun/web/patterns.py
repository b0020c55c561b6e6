# SPDX-License-Identifier: Apache-2.0
"""Every component in every state, for those who build pages and for the tests that look at them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from chengyun.access.views import public
from chengyun.city import Band, Scale
from chengyun.web.tiles import Tile


@dataclass(frozen=True)
class PatternsPage:
    """tiles: one per state. pages: a first and a middle page of a list. moments: ages from seconds to days, one ahead."""

    tiles: tuple[Tile, ...]
    scale: Scale
    pages: tuple[Page[int], ...]
    moments: tuple[dt.datetime, ...]
    severities: tuple[str, ...]
    statuses: tuple[str, ...]


@public
def patterns(request: HttpRequest) -> HttpResponse:
    """Show the components."""
    return render(request, "web/patterns.html", {"page": _page(timezone.now())})


def _page(now: dt.datetime) -> PatternsPage:
    scale = Scale(
        key="patterns",
        name="示例分级",
        source="示例",
        bands=[
            Band(50, "一级", "#00e400"),
            Band(100, "二级", "#ffff00"),
            Band(150, "三级", "#ff7e00"),
            Band(None, "四级", "#7e0023"),
        ],
    )
    numbers = Paginator(range(95), 10)
    fresh = Tile(
        indicator="patterns.example", subject="", subject_name="", name="示例指标", value=78, decimals=0, unit="µg/m³",
        band=scale.bands[1], status="fresh", period_start=now - dt.timedelta(hours=1), period_text="10:00–11:00",
        known_at=now - dt.timedelta(minutes=3), coverage=1.0, simulated=False, source="GB 0000-2026", figure_id=1,
    )  # fmt: skip
    change = dataclasses.replace
    tiles = (
        fresh,
        change(fresh, status="partial", coverage=0.62, value=121, band=scale.bands[2], simulated=True),
        change(fresh, status="stale", known_at=now - dt.timedelta(hours=31), value=44, band=scale.bands[0]),
        change(fresh, status="missing", value=None, band=None, period_start=None, known_at=None, coverage=None, figure_id=None),
        change(
            fresh, name="一个名称很长、在窄处要换行的示例指标", subject_name="一个名称很长的区域", value=1234567.891, decimals=3
        ),
        change(fresh, unit="1", value=0, band=scale.bands[0]),
    )
    moments = tuple(now - dt.timedelta(seconds=s) for s in (5, 200, 7000, 90_000, 900_000, -600))
    return PatternsPage(
        tiles=tiles,
        scale=scale,
        pages=(numbers.page(1), numbers.page(5)),
        moments=moments,
        severities=("blue", "yellow", "orange", "red"),
        statuses=("fresh", "partial", "stale", "missing"),
    )
