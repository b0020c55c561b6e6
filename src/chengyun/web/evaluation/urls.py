# SPDX-License-Identifier: Apache-2.0
"""Addresses of the evaluation's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.evaluation import files, pages, unit

urlpatterns: list[URLPattern] = [
    path("evaluation", pages.table, name="evaluation"),
    path("evaluation/compare", pages.compare, name="evaluation-compare"),
    path("evaluation/count", pages.count, name="evaluation-count"),
    path("evaluation/<int:edition_id>/publish", pages.publish, name="evaluation-publish"),
    path("evaluation/<int:edition_id>/<slug:profile>.xlsx", files.workbook, name="evaluation-xlsx"),
    path("evaluation/<int:edition_id>/<slug:profile>.pdf", files.document, name="evaluation-pdf"),
    path("evaluation/<int:edition_id>/<slug:profile>/<str:unit_key>", unit.unit, name="evaluation-unit"),
    path("evaluation/<int:edition_id>/<slug:profile>/<str:unit_key>/cases", unit.cases, name="evaluation-cases"),
]
