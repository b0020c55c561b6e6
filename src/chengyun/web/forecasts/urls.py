# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of forecasts."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.forecasts import pages

urlpatterns: list[URLPattern] = [
    path("forecasts", pages.listing, name="forecasts"),
    path("forecasts/<str:key>/<str:subject>", pages.one, name="forecast"),
]
