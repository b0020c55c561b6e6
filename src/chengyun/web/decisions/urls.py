# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of decisions and what-if models."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.web.decisions import deeds, pages, runs

urlpatterns: list[URLPattern] = [
    path("decisions", pages.listing, name="decisions"),
    path("decisions/new", deeds.new, name="decision-new"),
    path("decisions/<int:number>", pages.one, name="decision"),
    path("decisions/<int:number>/edit", deeds.edit, name="decision-edit"),
    path("decisions/<int:number>/evidence", deeds.add_evidence, name="decision-evidence"),
    path("decisions/<int:number>/expect", deeds.expect, name="decision-expect"),
    path("decisions/<int:number>/drop/<int:expectation>", deeds.drop, name="decision-drop"),
    path("decisions/<int:number>/decide", deeds.decide, name="decision-decide"),
    path("decisions/<int:number>/review", deeds.review, name="decision-review"),
    path("decisions/<int:number>/evaluate/<int:expectation>", deeds.evaluate, name="decision-evaluate"),
    path("decisions/<int:number>/conclude", deeds.conclude, name="decision-conclude"),
    path("whatif", runs.models, name="whatif"),
    path("whatif/models/<slug:key>", runs.model, name="whatif-model"),
    path("whatif/models/<slug:key>/ask", runs.ask, name="whatif-ask"),
    path("whatif/<int:number>", runs.one, name="whatif-run"),
]
