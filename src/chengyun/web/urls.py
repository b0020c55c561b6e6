# SPDX-License-Identifier: Apache-2.0
"""Every address of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from chengyun.web import patterns, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", views.health, name="health"),
    path("icon.svg", views.icon, name="icon"),
    path("patterns", patterns.patterns, name="patterns"),
    path("accounts/", include("chengyun.access.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "chengyun.web.problems.bad_request"
handler403 = "chengyun.web.problems.permission_denied"
handler404 = "chengyun.web.problems.page_not_found"
