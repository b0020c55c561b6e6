# SPDX-License-Identifier: Apache-2.0
"""Every address of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from chengyun.web import about, board, live, maps, pages, patterns, views
from chengyun.web.intake import api

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because it is asked for two hundred times a second and hundreds of addresses lie behind it.
    path("api/v1/reports", api.file, name="api-report"),
    path("", board.board, name="board"),
    path("board/parts", board.board_parts, name="board-parts"),
    path("live-ticket", live.live_ticket, name="live-ticket"),
    path("map", maps.map_page, name="map"),
    path("map/areas/<slug:level>.json", maps.area_shapes, name="areas-shapes"),
    path("map/layers/<str:layer_id>.json", maps.layer_points, name="layer-points"),
    path("p/<slug:pack>/<slug:page>", pages.pack_page, name="pack-page"),
    path("e/<str:entity>/<path:key>", pages.entity_page, name="entity"),
    path("series.json", pages.series, name="series"),
    path("series/table", pages.series_table, name="series-table"),
    path("about", about.about, name="about"),
    path("health", views.health, name="health"),
    path("icon.svg", views.icon, name="icon"),
    path("patterns", patterns.patterns, name="patterns"),
    path("", include("chengyun.web.boards.urls")),
    path("", include("chengyun.web.desk.urls")),
    path("", include("chengyun.web.alerts.urls")),
    path("", include("chengyun.web.devices.urls")),
    path("", include("chengyun.web.sources.urls")),
    path("", include("chengyun.web.quality.urls")),
    path("", include("chengyun.web.registers.urls")),
    path("", include("chengyun.web.forms.urls")),
    path("", include("chengyun.web.field.urls")),
    path("", include("chengyun.web.intake.urls")),
    path("", include("chengyun.web.dispatch.urls")),
    path("", include("chengyun.web.evaluation.urls")),
    path("", include("chengyun.web.statistics.urls")),
    path("", include("chengyun.web.govern.urls")),
    path("", include("chengyun.web.forecasts.urls")),
    path("", include("chengyun.web.decisions.urls")),
    path("", include("chengyun.web.indices.urls")),
    path("", include("chengyun.web.field_api.urls")),
    path("", include("chengyun.web.crews.urls")),
    path("", include("chengyun.web.my.urls")),
    path("", include("chengyun.web.components.urls")),
    path("", include("chengyun.web.patrols.urls")),
    path("", include("chengyun.web.lineage.urls")),
    path("", include("chengyun.web.askonce.urls")),
    path("", include("chengyun.web.requests.urls")),
    path("", include("chengyun.web.catalogue.urls")),
    path("", include("chengyun.protocols.dcat.urls")),
    path("", include("chengyun.protocols.cap.urls")),
    path("", include("chengyun.web.exchange.urls")),
    path("api/", include("chengyun.web.api.urls")),
    path("accounts/", include("chengyun.access.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "chengyun.web.problems.bad_request"
handler403 = "chengyun.web.problems.permission_denied"
handler404 = "chengyun.web.problems.page_not_found"
