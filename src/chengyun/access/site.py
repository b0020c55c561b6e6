# SPDX-License-Identifier: Apache-2.0
"""The administration's site: Django's, without the pages that stand beside ours."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver
from django.utils.translation import gettext_lazy


class Site(AdminSite):
    site_header = site_title = gettext_lazy("城运 · 管理后台")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # "View on site" asks any model for its own address, and ours have none.
        return [one for one in super().get_urls() if getattr(one, "name", None) != "view_on_site"]

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]  # noqa: ARG002
        """Lead to the one page on which people change their password: there it is recorded."""
        return redirect("account_change_password")
