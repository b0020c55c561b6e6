# SPDX-License-Identifier: Apache-2.0
"""Pictures from anybody: nothing they carry goes on, nothing they claim fills the memory."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zlib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from chengyun.cases.intake import pictures
from chengyun.cases.intake.fingerprints import ALIKE, distance
from chengyun.errors import NotFound, Refused

from .conftest import HAISHU, picture

ZONE = ZoneInfo("Asia/Shanghai")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_place_and_time_are_read_and_the_copy_has_neither():
    sent = picture(place=HAISHU, taken="2026:11:17 08:30:00")
    read = pictures.read(sent, ZONE)
    assert (round(read.lon, 4), round(read.lat, 4)) == HAISHU
    assert read.taken_at == dt.datetime(2026, 11, 17, 8, 30, tzinfo=ZONE)
    copy = Image.open(io.BytesIO(read.public))
    assert not copy.getexif()
    assert not copy.info.get("exif")
    assert max(copy.size) <= 1600


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (bomb(40_000, 40_000), "photo_too_large"), (bomb(9000, 9000), "photo_too_large"), (bomb(400, 400), "photo_damaged"),
        (b"x" * (pictures.LARGEST + 1), "photo_too_large"),
        (b"", "photo_kind"), (b"<svg onload=alert(1)>", "photo_kind"), (picture()[:200], "photo_damaged"),
        (picture(kind="GIF"), "photo_kind"), (picture(kind="TIFF"), "photo_kind"),
    ],
    ids=["bomb", "smaller bomb", "no pixels", "large", "empty", "svg", "cut off", "gif", "tiff"],
)  # fmt: skip
def test_what_is_no_usable_picture_is_refused(data, code):
    with pytest.raises(Refused) as refused:
        pictures.read(data, ZONE)
    assert refused.value.code == code


def test_a_file_that_is_two_things_becomes_one():
    sent = picture() + b"<script>alert(1)</script><?php system($_GET[0]); ?>"
    read = pictures.read(sent, ZONE)
    assert b"script" not in read.public
    assert b"php" not in read.public
    assert read.original == sent


def test_a_turned_picture_stands_upright_in_its_copy():
    image = Image.new("RGB", (400, 200), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    assert Image.open(io.BytesIO(pictures.read(out.getvalue(), ZONE).public)).size == (200, 400)


def test_a_picture_saved_again_and_smaller_is_known_and_another_is_not():
    first = pictures.read(picture(3, size=(1600, 1200)), ZONE)
    again = pictures.read(picture(3, size=(1600, 1200), quality=30), ZONE)
    small = io.BytesIO()
    Image.open(io.BytesIO(first.original)).resize((500, 375)).save(small, "PNG")
    other = pictures.read(picture(8, size=(1600, 1200)), ZONE)
    assert distance(first.fingerprint, again.fingerprint) <= ALIKE
    assert distance(first.fingerprint, pictures.read(small.getvalue(), ZONE).fingerprint) <= ALIKE
    assert distance(first.fingerprint, other.fingerprint) > ALIKE


def test_files_lie_under_their_digests(tmp_path: Path):
    read = pictures.read(picture(), ZONE)
    pictures.store(tmp_path, read)
    pictures.store(tmp_path, read)
    assert pictures.find_original(tmp_path, read.sha256).read_bytes() == read.original
    assert pictures.find_public(tmp_path, read.public_sha256).read_bytes() == read.public
    for wrong in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            pictures.find_original(tmp_path, wrong)


@pytest.mark.parametrize("place", [(0.0, 0.0)])
def test_a_camera_without_a_fix_has_no_place(place):
    assert pictures.read(picture(place=place), ZONE).lon is None
