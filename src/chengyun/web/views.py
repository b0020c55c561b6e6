# SPDX-License-Identifier: Apache-2.0
"""Small answers that belong to no page."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from chengyun.access.views import public

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="4" fill="#12181a"/>'
    '<path d="M6 24V14l6-4v14m2 0V7l6 3v14m2 0V15l4 2v7" fill="none" stroke="#e6ecee" stroke-width="2.4"/></svg>'
)


@require_safe
@public
def health(request: HttpRequest) -> JsonResponse:
    """Say whether this process can answer from its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


@require_safe
@public
@cache_control(public=True, max_age=86400)
def icon(request: HttpRequest) -> HttpResponse:
    """Return the icon of the browser's tab."""
    return HttpResponse(ICON, content_type="image/svg+xml")
