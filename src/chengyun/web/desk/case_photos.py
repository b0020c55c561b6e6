# SPDX-License-Identifier: Apache-2.0
"""The photos of a case: those a step brings, and all of them for whoever may read the case."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.http import FileResponse, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chengyun.access.actors import Actor, actor_of
from chengyun.access.views import signed_in
from chengyun.cases.intake import photos
from chengyun.cases.intake.models import Photo
from chengyun.cases.intake.pictures import Picture
from chengyun.cases.models import Case
from chengyun.cases.queries import case_view
from chengyun.cases.rights import visible
from chengyun.errors import NotFound, Refused
from chengyun.web.intake.report import send_copy

__all__ = ["CasePhoto", "attached", "case_photo", "photos_of", "pictures_of"]

MOST = 24
MOST_SENT = 6


@dataclass(frozen=True, slots=True)
class CasePhoto:
    """reported: it came with a report, not with the work. at: when it was taken, or else came. known: whether it says itself."""

    id: int
    reported: bool
    at: dt.datetime
    known: bool


def photos_of(number: str) -> tuple[tuple[CasePhoto, ...], int]:
    """Return the newest photos of a case, oldest first, and how many older ones there are. The case is one the reader may see."""
    rows = Photo.objects.filter(case__number=number).order_by("-id")
    shown = tuple(
        CasePhoto(one.pk, one.report_id is not None, one.taken_at or one.received_at, one.taken_at is not None)
        for one in reversed(rows[:MOST])
    )
    return shown, rows.count() - MOST if len(shown) == MOST else 0


def pictures_of(request: HttpRequest, number: str, actor: Actor) -> list[Picture]:
    """Return the photos a form brings to a case, read, and their files kept: what takes time comes before the locks.

    Raises NotFound where the case is absent or not theirs to see, Refused for too many: then nothing is kept.
    """
    files = request.FILES.getlist("photos")
    if len(files) > MOST_SENT:
        raise Refused(_("一次最多 %d 张照片。") % MOST_SENT, code="photos")
    if files:
        case_view(number, actor)
    found = [photos.read(file.read()) for file in files]
    for one in found:
        photos.store(one)
    return found


def attached(pictures: list[Picture], number: str, actor: Actor) -> list[int]:
    """Make pictures photos of a case, within a transaction, and return their ids."""
    if not pictures:
        return []
    # Locked before there are rows that refer to it: of two that made these first, each would wait for the other.
    case = Case.objects.select_for_update().get(number=number)
    return [photos.attach(one, actor, timezone.now(), case=case).pk for one in pictures]


@require_safe
@never_cache
@signed_in
def case_photo(request: HttpRequest, number: str, photo_id: int) -> FileResponse:
    """Send the copy of a photo, without what the camera wrote into it, to whoever may read its case."""
    found = Photo.objects.select_related("case").filter(pk=photo_id, case__number=number).first()
    if found is None or found.case is None or not visible(actor_of(request), found.case):
        raise NotFound(_("没有找到这张照片。"))
    return send_copy(found)
