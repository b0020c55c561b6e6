# SPDX-License-Identifier: Apache-2.0
"""The photos of a case, for whoever may read the case: what was reported, and what was found and done since."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import FileResponse, HttpRequest
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import actor_of
from chengyun.access.views import signed_in
from chengyun.cases.intake.models import Photo
from chengyun.cases.rights import visible
from chengyun.errors import NotFound
from chengyun.web.intake.report import send_copy

__all__ = ["CasePhoto", "case_photo", "photos_of"]

MOST = 24


@dataclass(frozen=True, slots=True)
class CasePhoto:
    """reported: it came with a report, not with the work. at: when it was taken, or else came. known: whether it says itself."""

    id: int
    reported: bool
    at: dt.datetime
    known: bool


def photos_of(number: str) -> tuple[CasePhoto, ...]:
    """Return the photos of a case, oldest first, of which the page shows so many. The case is one the reader may see."""
    rows = Photo.objects.filter(case__number=number).order_by("id")[:MOST]
    return tuple(
        CasePhoto(one.pk, one.report_id is not None, one.taken_at or one.received_at, one.taken_at is not None) for one in rows
    )


@require_safe
@never_cache
@signed_in
def case_photo(request: HttpRequest, number: str, photo_id: int) -> FileResponse:
    """Send the copy of a photo, without what the camera wrote into it, to whoever may read its case."""
    found = Photo.objects.select_related("case").filter(pk=photo_id, case__number=number).first()
    if found is None or found.case is None or not visible(actor_of(request), found.case):
        raise NotFound(_("没有找到这张照片。"))
    return send_copy(found)
