# SPDX-License-Identifier: Apache-2.0
"""The frame of the field application, and who its reader is; all else comes by the sync of web/field_api."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import needs
from chengyun.web.field.words import words
from chengyun.web.offline.frame import Application, device_key, frame, manifest, worker

__all__ = ["field_manifest", "field_page", "field_setup", "field_worker"]

APPLICATION = Application("field", "/field/", "field.js", lambda: _("外勤"), words)

field_page = frame(APPLICATION)
field_worker = worker(APPLICATION)
field_manifest = manifest(APPLICATION)


@require_safe
@never_cache
@needs("field.work")
def field_setup(request: HttpRequest) -> JsonResponse:
    """Tell who asks, and what a device needs to be enrolled and to seal what it keeps."""
    actor = actor_of(request)
    return JsonResponse(
        {"account": actor.account_id, "name": actor.name, "key": device_key(actor), "csrf": get_token(request)}
    )  # fmt: skip
