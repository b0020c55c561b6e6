# SPDX-License-Identifier: Apache-2.0
"""Photos on their way: named by their content, sent in pieces, gone on with after any interruption.

The row says how far the file is; bytes are on the disk before the row says so. What a file holds beyond that is cut off.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from chengyun.access.actors import Actor
from chengyun.cases.field.models import Upload
from chengyun.cases.models import Case
from chengyun.config import config
from chengyun.errors import Malformed, Refused

if TYPE_CHECKING:
    from chengyun.cases.intake.models import Photo

__all__ = ["Place", "missing", "receive", "take", "upload_of"]

LARGEST = 20 * 1024 * 1024
Place = tuple[dt.datetime | None, float | None, float | None]
"""When and where the device says a photo was taken."""


def upload_of(account_id: int, sha: str) -> Upload | None:
    return Upload.objects.filter(account_id=account_id, sha256=sha).first()


def receive(actor: Actor, sha: str, at: int, length: int, part: bytes, place: Place, now: dt.datetime) -> Upload:
    """Write a piece and return how far the photo is. Raises Refused: code "offset" (with `offset`), "hash", "size"."""
    if len(sha) != 64 or not set(sha) <= set("0123456789abcdef"):
        raise Malformed("The photo's name is no SHA-256 in lower-case hex.", code="name")
    if not 0 < length <= LARGEST or at + len(part) > length:
        raise Refused(_("照片超过 %d MB。") % (LARGEST // 1024 // 1024), code="size")
    with transaction.atomic():
        Upload.objects.get_or_create(account_id=actor.account_id or 0, sha256=sha, defaults={"length": length, "begun_at": now})
        held = Upload.objects.select_for_update().get(account_id=actor.account_id or 0, sha256=sha)
        if held.complete:
            return held
        if at != held.offset or length != held.length:
            if held.offset or at:
                raise Refused("The piece does not begin where the photo ends so far.", code="offset", offset=held.offset)
            held.length = length
        path = _path(held)
        _write(path, held.offset, part)
        held.offset += len(part)
        if place[0] is not None or place[1] is not None:
            held.taken_at, held.lon, held.lat = place
        if held.offset == held.length:
            if hashlib.sha256(path.read_bytes()).hexdigest() != sha:
                held.offset = 0
                held.save()
                return held
            held.complete = True
        held.save()
    return held


def missing(account_id: int, shas: Iterable[str]) -> list[str]:
    """Return which of these photos are not here whole: not on their way, and not kept for this person's cases before."""
    wanted = list(dict.fromkeys(shas))
    here = set(Upload.objects.filter(account_id=account_id, sha256__in=wanted, complete=True).values_list("sha256", flat=True))
    here |= set(_photos().objects.filter(account_id=account_id, sha256__in=wanted).values_list("sha256", flat=True))
    return [sha for sha in wanted if sha not in here]


def take(actor: Actor, case: Case, shas: Iterable[str], now: dt.datetime) -> list[int]:
    """Make arrived photos photos of a case; return their ids. Taken before for the same case, they are found again.

    Raises Refused for what is no usable picture.
    """
    from chengyun.cases.intake import photos  # reads pictures: loaded by whoever files one

    found = []
    for sha in dict.fromkeys(shas):
        known = _photos().objects.filter(case=case, sha256=sha).first()
        if known is None:
            held = upload_of(actor.account_id or 0, sha)
            data = _path(held).read_bytes() if held and held.complete else None
            if data is None:  # sent before, for another case: the same picture again, which verification will notice
                former = _photos().objects.filter(account_id=actor.account_id or 0, sha256=sha).first()
                data = photos.original_of(former).read_bytes() if former else None
            if data is None:
                raise Refused(_("照片还没有传完。"), code="photo_missing", photo=sha)
            known = photos.keep(data, actor, now, case=case)
            if held is not None and known.lon is None and held.lon is not None:
                known.lon, known.lat = held.lon, held.lat
            if held is not None and known.taken_at is None:
                known.taken_at = held.taken_at
            known.save(update_fields=["lon", "lat", "taken_at"])
        found.append(known.pk)
    return found


def forget(upload: Upload) -> None:
    """Delete an upload with its file."""
    _path(upload).unlink(missing_ok=True)
    upload.delete()


def _write(path: Path, at: int, part: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(number, at)
        os.pwrite(number, part, at)
        os.fsync(number)
    finally:
        os.close(number)


def _path(upload: Upload) -> Path:
    return config().data / "field" / f"{upload.account_id}-{upload.sha256}"


def _photos() -> type[Photo]:
    from chengyun.cases.intake.models import Photo  # the app beside this one may not be loaded yet

    return Photo
