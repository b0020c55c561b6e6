# SPDX-License-Identifier: Apache-2.0
"""Addresses of alerts as CAP."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.protocols.cap import views

urlpatterns: list[URLPattern] = [
    path("cap/alerts.atom", views.index, name="cap-index"),
    path("cap/<int:alert_id>.<int:event_id>.xml", views.message, name="cap-message"),
]
