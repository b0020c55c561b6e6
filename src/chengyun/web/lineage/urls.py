# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of lineage."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.lineage import pages

urlpatterns: list[URLPattern] = [
    path("lineage", pages.overview, name="lineage"),
    path("lineage/<str:dataset>", pages.place, name="lineage-place"),
    path("lineage/<str:dataset>/<path:column>", pages.place, name="lineage-column"),
]
