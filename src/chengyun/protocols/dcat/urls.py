# SPDX-License-Identifier: Apache-2.0
"""Addresses of the catalogue as RDF."""

from __future__ import annotations

from django.urls import URLPattern, path

from chengyun.protocols.dcat import views

urlpatterns: list[URLPattern] = [
    path("catalog.ttl", views.catalog, {"form": "ttl"}, name="catalog-ttl"),
    path("catalog.jsonld", views.catalog, {"form": "jsonld"}, name="catalog-jsonld"),
    path("catalog.rdf", views.catalog, {"form": "rdf"}, name="catalog-rdf"),
]
