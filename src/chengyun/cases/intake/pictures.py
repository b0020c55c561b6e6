# SPDX-License-Identifier: Apache-2.0
"""Pictures as they come from anybody: looked at before they are decoded, read for place and time, shown only as a new copy.

Nothing of what was sent reaches another person: the public copy is drawn anew from the pixels, so a file that is two things at
once, or carries a place, ends here.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from chengyun.cases.intake.fingerprints import fingerprint
from chengyun.errors import NotFound, Refused

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

__all__ = ["LARGEST", "MOST", "Picture", "find_original", "find_public", "read", "store"]

LARGEST = 12 * 1024 * 1024
"""Bytes of one picture: what a phone's camera makes, with room."""
MOST = 6
"""Pictures of one report."""
MOST_PIXELS = 60_000_000
"""A small file can claim to be a picture that fills the memory; the largest phone cameras make 50 million pixels."""
SHOWN = (1600, 1600)
FORMATS = ("JPEG", "PNG", "WEBP")
_GPS, _EXIF = 0x8825, 0x8769
_TAKEN, _OFFSET = 0x9003, 0x9011


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was read. public: the copy that may be shown, JPEG without anything the original carried.

    taken_at, lon, lat: as the original said; None when it did not, or said nonsense.
    """

    original: bytes
    public: bytes
    sha256: str
    public_sha256: str
    fingerprint: int
    kind: str
    width: int
    height: int
    taken_at: dt.datetime | None
    lon: float | None
    lat: float | None


def read(data: bytes, zone: ZoneInfo) -> Picture:
    """Read a picture. zone: of cameras that write no offset. Raises Refused with a sentence for what is no usable picture."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > LARGEST:
        raise Refused(_("照片超过 %d MB，请发小一些的。") % (LARGEST >> 20), code="photo_too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise Refused(_("照片超过 %d 百万像素，请发小一些的。") % (MOST_PIXELS // 1_000_000), code="photo_too_large")
            exif = picture.getexif()
            kind = str(Image.MIME.get("JPEG" if picture.format == "MPO" else picture.format or "", "image/jpeg"))
            size = picture.size
            taken_at, place = _taken_at(exif.get_ifd(_EXIF), zone), _place(exif.get_ifd(_GPS))
            picture.draft("RGB", SHOWN)
            picture.thumbnail((SHOWN[0] * 2, SHOWN[1] * 2))
            shown = _flat(ImageOps.exif_transpose(picture))
            shown.thumbnail(SHOWN)
    except Refused:
        raise
    except Image.DecompressionBombError as wrong:
        raise Refused(_("照片自称的像素比任何相机都多，请换一张。"), code="photo_too_large") from wrong
    except UnidentifiedImageError as wrong:
        raise Refused(_("照片不是 JPEG、PNG 或 WebP 图片，请换成其中一种。"), code="photo_kind") from wrong
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError) as wrong:
        raise Refused(_("照片已损坏，打不开，请重拍或重发。"), code="photo_damaged") from wrong
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=82)
    public = out.getvalue()
    width, height = size
    lon, lat = place or (None, None)
    return Picture(
        data, public, hashlib.sha256(data).hexdigest(), hashlib.sha256(public).hexdigest(), fingerprint(shown), kind, width,
        height, taken_at, lon, lat,
    )  # fmt: skip


def store(folder: Path, picture: Picture) -> None:
    """Write the original and the public copy, each under its own digest, and return once both are durable."""
    _write(folder / "originals", picture.sha256, picture.original)
    _write(folder / "public", picture.public_sha256, picture.public)


def find_original(folder: Path, sha256: str) -> Path:
    """Return where an original is. Raises NotFound."""
    return _find(folder / "originals", sha256)


def find_public(folder: Path, sha256: str) -> Path:
    """Return where a public copy is. Raises NotFound."""
    return _find(folder / "public", sha256)


def _flat(picture: Pixels) -> Pixels:
    """Return the picture as red, green and blue; what was transparent is white."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        shown = picture.convert("RGBA")
        ground = Image.new("RGB", shown.size, "white")
        ground.paste(shown, mask=shown.getchannel("A"))
        return ground
    return picture.convert("RGB")


def _taken_at(told: dict[int, Any], zone: ZoneInfo) -> dt.datetime | None:
    text, offset = str(told.get(_TAKEN, "")).strip("\x00 "), str(told.get(_OFFSET, "")).strip("\x00 ")
    try:
        local = dt.datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007  its zone follows
        return dt.datetime.strptime(f"{text} {offset}", "%Y:%m:%d %H:%M:%S %z") if offset else local.replace(tzinfo=zone)
    except ValueError:
        return None


def _place(told: dict[int, Any]) -> tuple[float, float] | None:
    """Return longitude and latitude, WGS-84 as EXIF means them; None for what is missing or nowhere."""
    try:
        lat = _degrees(told[2]) * (-1 if str(told[1]).upper().startswith("S") else 1)
        lon = _degrees(told[4]) * (-1 if str(told[3]).upper().startswith("W") else 1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    # A camera without a fix writes zeros.
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 and (lon or lat) else None


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _write(folder: Path, sha256: str, data: bytes) -> None:
    place = folder / sha256[:2] / sha256
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".coming-", delete=False) as out:
        try:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            os.unlink(out.name)
            raise
    os.replace(out.name, place)
    for changed in (place.parent, folder):
        handle = os.open(changed, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _find(folder: Path, sha256: str) -> Path:
    place = folder / sha256[:2] / sha256
    if len(sha256) != 64 or not sha256.isalnum() or not place.is_file():
        raise NotFound("There is no such photo.")
    return place
