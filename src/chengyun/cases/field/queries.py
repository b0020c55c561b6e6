# SPDX-License-Identifier: Apache-2.0
"""What is asked of field work beside synchronisation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.cases.field.uploads import Place
from chengyun.cases.rights import visible
from chengyun.errors import NotFound

__all__ = ["photo_of", "place_of"]


def photo_of(sha: str, actor: Actor) -> tuple[Path, str]:
    """Return the public copy of a photo of a case the actor may see, and its media type. Raises NotFound."""
    from chengyun.cases.intake import photos
    from chengyun.cases.intake.models import Photo

    for row in Photo.objects.filter(sha256=sha, case__isnull=False).select_related("case").order_by("-id")[:20]:
        if row.case is not None and visible(actor, row.case):
            return photos.public_of(row), "image/jpeg"
    raise NotFound(_("没有找到这张照片。"))


def place_of(headers: Mapping[str, str]) -> Place:
    """Return when and where a device says a photo was taken; None for what it does not say, or not readably."""
    try:
        taken = dt.datetime.fromisoformat(headers.get("Photo-Taken", ""))
    except ValueError:
        taken = None
    lon, lat = _degrees(headers.get("Photo-Lon", ""), 180), _degrees(headers.get("Photo-Lat", ""), 90)
    aware = taken if taken is not None and taken.tzinfo is not None else None
    return (aware, lon, lat) if lon is not None and lat is not None else (aware, None, None)


def _degrees(text: str, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -most <= value <= most else None
