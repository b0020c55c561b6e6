# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of indices."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.indices import indicators, pages

urlpatterns: list[URLPattern] = [
    path("indices", pages.listing, name="indices"),
    path("indices/<str:key>", pages.one, name="index"),
    path("indicators", indicators.listing, name="indicators"),
    path("indicators/<str:key>", indicators.one, name="indicator"),
]
