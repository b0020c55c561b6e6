# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of ask-once."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.askonce import files, pages

urlpatterns: list[URLPattern] = [
    path("burden", pages.overview, name="burden"),
    path("burden.xlsx", files.workbook, name="burden-workbook"),
    path("burden/<str:key>", pages.form, name="burden-form"),
    path("burden/<str:key>/decide", pages.decide, name="burden-decide"),
    path("burden/<str:key>/load", pages.load, name="burden-load"),
]
