# SPDX-License-Identifier: Apache-2.0
"""Addresses of the field application; those of its API are in web/field_api."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.field import page

urlpatterns: list[URLPattern] = [
    path("field/", page.field_page, name="field"),
    path("field/setup.json", page.field_setup, name="field-setup"),
    path("field/worker.js", page.field_worker, name="field-worker"),
    path("field/app.webmanifest", page.field_manifest, name="field-manifest"),
]
