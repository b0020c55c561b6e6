# SPDX-License-Identifier: Apache-2.0
"""Addresses of the crews' pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.crews import pages

urlpatterns: list[URLPattern] = [
    path("crews", pages.plan, name="crews"),
    path("crews/plan", pages.ask, name="crews-plan"),
    path("crews/pin", pages.pin, name="crews-pin"),
    path("crews/mine", pages.mine, name="crews-mine"),
]
