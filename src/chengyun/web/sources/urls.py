# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages about the ways in."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.sources import deeds, pages

urlpatterns: list[URLPattern] = [
    path("sources", pages.source_list, name="sources"),
    path("sources/new", deeds.new, name="source-new"),
    path("sources/<slug:key>", pages.source_page, name="source"),
    path("sources/<slug:key>/change", deeds.change, name="source-change"),
    path("sources/<slug:key>/edit", deeds.edit, name="source-edit"),
    path("sources/<slug:key>/test", deeds.test, name="source-test"),
    path("sources/<slug:key>/run", deeds.run, name="source-run"),
    path("sources/<slug:key>/pause", deeds.pause, name="source-pause"),
    path("sources/<slug:key>/resume", deeds.resume, name="source-resume"),
    path("sources/<slug:key>/remove", deeds.remove, name="source-remove"),
    path("sources/<slug:key>/credentials", deeds.credentials, name="source-credentials"),
    path("sources/<slug:key>/changes/<int:number>", deeds.decide, name="source-decide"),
]
