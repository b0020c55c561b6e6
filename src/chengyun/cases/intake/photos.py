# SPDX-License-Identifier: Apache-2.0
"""Photos of reports and cases: kept, and found again for whom may see them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from django.db import connection

from chengyun.access.actors import Actor
from chengyun.cases.intake import pictures
from chengyun.cases.intake.fingerprints import ALIKE
from chengyun.cases.intake.models import Photo, Report
from chengyun.cases.intake.pictures import Picture
from chengyun.cases.models import Case
from chengyun.config import config

__all__ = ["attach", "folder", "keep", "look_alikes", "original_of", "public_of", "read", "store"]

ALIKE_SQL = """
SELECT id FROM intake_photo
WHERE id <> %s AND bit_count((fingerprint # %s)::bit(64)) <= %s ORDER BY id DESC LIMIT %s
"""


def folder() -> Path:
    return config().data / "photos"


def read(data: bytes) -> Picture:
    """Return a picture, read and checked. Raises Refused."""
    return pictures.read(data, config().zone)


def store(picture: Picture) -> None:
    """Write a picture's files and return once they are durable. What nothing names yet is in nobody's way."""
    pictures.store(folder(), picture)


def keep(data: bytes, actor: Actor, now: dt.datetime, *, report: Report | None = None, case: Case | None = None) -> Photo:
    """Keep a photo of a report or a case and return it, its files durable. Raises Refused for what is no usable picture."""
    return attach(read(data), actor, now, report=report, case=case)


def attach(picture: Picture, actor: Actor, now: dt.datetime, *, report: Report | None = None, case: Case | None = None) -> Photo:
    """Keep a picture that has been read; its files are written before the row that names them, where they are not there yet."""
    store(picture)
    return Photo.objects.create(
        report=report, case=case, sha256=picture.sha256, public_sha256=picture.public_sha256, fingerprint=picture.fingerprint,
        kind=picture.kind, size=len(picture.original), width=picture.width, height=picture.height, taken_at=picture.taken_at,
        lon=picture.lon, lat=picture.lat, received_at=now, sent_by=actor.name[:150], account_id=actor.account_id,
    )  # fmt: skip


def public_of(photo: Photo) -> Path:
    """Return the copy that may be shown. Raises NotFound."""
    return pictures.find_public(folder(), photo.public_sha256)


def original_of(photo: Photo) -> Path:
    """Return the picture as it came: only for a purpose, which the caller records. Raises NotFound."""
    return pictures.find_original(folder(), photo.sha256)


def look_alikes(photo: Photo, limit: int = 10) -> list[Photo]:
    """Return photos that look like this one, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(ALIKE_SQL, [photo.pk, photo.fingerprint, ALIKE, limit])
        found = [row[0] for row in cursor.fetchall()]
    return list(Photo.objects.filter(pk__in=found).order_by("-id"))
