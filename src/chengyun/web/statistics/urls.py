# SPDX-License-Identifier: Apache-2.0
"""Addresses of the statistics."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.statistics import files, pages, public

urlpatterns: list[URLPattern] = [
    path("statistics", pages.statistics, name="statistics"),
    path("statistics.xlsx", files.workbook, name="statistics-xlsx"),
    path("reports/statistics", public.reports_statistics, name="reports-statistics"),
]
