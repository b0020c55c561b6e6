# SPDX-License-Identifier: Apache-2.0
"""Addresses of field tasks."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.patrols import pages

urlpatterns: list[URLPattern] = [
    path("patrols", pages.listing, name="patrols"),
    path("patrols/<int:task_id>", pages.patrol, name="patrol"),
    path("patrols/<int:task_id>/change", pages.change, name="patrol-change"),
]
