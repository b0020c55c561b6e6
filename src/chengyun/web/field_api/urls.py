# SPDX-License-Identifier: Apache-2.0
"""Addresses of the field API."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.field_api import views

urlpatterns: list[URLPattern] = [
    path("field/devices", views.devices, name="field-devices"),
    path("field/devices/<slug:key>/revoke", views.revoke, name="field-device-revoke"),
    path("field/sync", views.sync, name="field-sync"),
    path("field/photos/<slug:sha>", views.photo, name="field-photo"),
]
