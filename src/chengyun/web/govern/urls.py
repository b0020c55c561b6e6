# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of targets."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.govern import pages

urlpatterns: list[URLPattern] = [
    path("targets", pages.listing, name="targets"),
    path("targets/<slug:key>", pages.one, name="target"),
    path("targets/<slug:key>/report", pages.tell, name="target-report"),
    path("targets/<slug:key>/link", pages.measure, name="target-link"),
]
