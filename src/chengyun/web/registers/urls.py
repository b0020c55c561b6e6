# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of base registers."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.registers import pages

urlpatterns: list[URLPattern] = [
    path("registers", pages.registers, name="registers"),
    path("registers/matching", pages.matching, name="registers-matching"),
    path("registers/matching/compare", pages.compare, name="registers-compare"),
    path("registers/matching/<int:number>/settle", pages.settle, name="registers-settle"),
    path("registers/matching/runs/<int:run>/accept", pages.accept, name="registers-accept"),
    path("registers/decisions/<int:number>/undo", pages.undo, name="registers-undo"),
]
