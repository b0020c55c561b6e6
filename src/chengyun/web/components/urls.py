# SPDX-License-Identifier: Apache-2.0
"""Addresses of components and grids."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.components import census, grids, pages, tiles

urlpatterns: list[URLPattern] = [
    path("components", pages.register, name="components"),
    path("components/tiles/<int:zoom>/<int:column>/<int:row>", tiles.tile, name="component-tile"),
    path("components/due", pages.due, name="components-due"),
    path("components/due/task", pages.make_task, name="components-task"),
    path("components/census", census.census, name="components-census"),
    path("components/twins", pages.twins, name="components-twins"),
    path("components/<str:key>", pages.component_page, name="component"),
    path("components/<str:key>/inspect", pages.inspect, name="component-inspect"),
    path("cases/<str:number>/component", pages.link, name="case-component"),
    path("grids", grids.overview, name="grids"),
    path("grids/shapes.json", grids.shapes, name="grid-shapes"),
    path("grids/draw", grids.draw, name="grid-draw"),
    path("grids/import", grids.import_file, name="grid-import"),
    path("grids/<str:code>", grids.grid, name="grid"),
    path("grids/<str:code>/worker", grids.assign, name="grid-worker"),
]
