# SPDX-License-Identifier: Apache-2.0
"""The public map and list of reports: what was reported, where roughly, and how far it is; nobody's words, nobody's name."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import public
from chengyun.areas.queries import areas_on
from chengyun.cases.intake.queries import PublicReport, public_reports
from chengyun.config import config
from chengyun.web.desk.alerts import Choice
from chengyun.web.desk.pages import Listed, asked, filters_of, page_number
from chengyun.web.maps import CityMap, city_map

PAGE = 30
MOST_POINTS = 2000


@dataclass(frozen=True)
class ReportsPage:
    """show: "", "open" or "ended"."""

    listed: Listed[PublicReport]
    map: CityMap
    kinds: tuple[Choice, ...]
    areas: tuple[Choice, ...]
    as_of: dt.datetime


@require_safe
@public
def reports(request: HttpRequest) -> HttpResponse:
    """Show what was reported."""
    number = page_number(request)
    show, area = _asked(request)
    found = public_reports(
        actor_of(request), timezone.now(), limit=PAGE + 1, offset=(number - 1) * PAGE, ended=_ended(show), area=area
    )  # fmt: skip
    shown = city_map("reports-map", _("市民上报"), ())
    shown.settings["reports"] = f"{reverse('reports-points')}?{filters_of(request.GET)}"
    kinds = (("", _("全部")), ("open", _("办理中")), ("ended", _("已结束")))
    districts = [row for row in areas_on(level="district") if row.code.startswith(config().city[:4])]
    page = ReportsPage(
        Listed(tuple(found[:PAGE]), number, len(found) > PAGE, filters_of(request.GET)), shown,
        tuple(Choice(value, name, value == show) for value, name in kinds),
        tuple(Choice(row.code, row.name, row.code == area) for row in districts), timezone.now(),
    )  # fmt: skip
    return render(request, "intake/reports.html", {"page": page})


@require_safe
@public
def points(request: HttpRequest) -> HttpResponse:
    """Return the same as points of a map, GeoJSON."""
    show, area = _asked(request)
    found = public_reports(actor_of(request), timezone.now(), limit=MOST_POINTS, ended=_ended(show), area=area)
    features = [
        {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [one.lon, one.lat]},
            "properties": {
                "name": _(one.name), "state": one.state, "ended": one.ended, "headline": one.headline, "reporters": one.reporters,
                "rough": one.rough, "photo": reverse("open-photo", args=[one.photos[0]]) if one.photos else None,
            },
        }
        for one in found
        if one.lon is not None
    ]  # fmt: skip
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return HttpResponse(body, content_type="application/geo+json", headers={"Cache-Control": "public, max-age=30"})


def _asked(request: HttpRequest) -> tuple[str, str]:
    show, area = asked(request, "show", "area")
    return show, area if area.isascii() and area.isdigit() else ""


def _ended(show: str) -> bool | None:
    return {"open": False, "ended": True}.get(show)
