# SPDX-License-Identifier: Apache-2.0
"""Addresses of the data service, made from its table of routes."""

from __future__ import annotations

import re

from django.urls import URLPattern, path

from chengyun.web.api import page
from chengyun.web.api.routes import ROUTES, Route
from chengyun.web.api.serve import view_of


def _pattern(route: Route) -> str:
    kinds = {one.name: "int" if one.kind == "integer" else "str" for one in route.params if one.place == "path"}
    return "v1" + re.sub(r"\{(\w+)\}", lambda found: f"<{kinds[found[1]]}:{found[1]}>", route.path)


urlpatterns: list[URLPattern] = [
    path("", page.reference, name="api"),
    path("openapi.json", page.openapi, name="api-openapi"),
    *(path(_pattern(route), view_of(route), name=f"api-{route.name}") for route in ROUTES),
]
