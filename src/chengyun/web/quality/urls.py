# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pages of quality."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from chengyun.web.quality import pages


class Deed:
    """What can be done about a finding."""

    regex = "accept|undo|dismiss"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Deed, "quality_deed")

urlpatterns: list[URLPattern] = [
    path("quality", pages.overview, name="quality"),
    path("quality/<str:name>", pages.dataset, name="quality-dataset"),
    path("quality/findings/<int:finding_id>/<quality_deed:deed>", pages.do, name="quality-deed"),
]
