# SPDX-License-Identifier: Apache-2.0
"""Photos of a made-up city: drawn, so that nobody is in them, and marked as made up.

The same place looks alike from picture to picture, as in life; where the camera stands differs a little each time.
"""

from __future__ import annotations

import datetime as dt
import io
import random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageDraw import ImageDraw

__all__ = ["photo"]

SIZE = (640, 480)
_EXIF, _GPS = 0x8769, 0x8825
_TAKEN, _OFFSET = 0x9003, 0x9011


def photo(place: str, take: str, *, mended: bool, at: dt.datetime, lon: float, lat: float, zone: ZoneInfo) -> bytes:
    """Return a JPEG with time and place as a phone writes them.

    place, take: what the scene and the camera's stand follow from. mended: whether what was wrong is gone from it.
    """
    from PIL import Image, ImageDraw, ImageFilter  # heavy, and only the simulation draws

    scene, camera = random.Random(f"place {place}"), random.Random(f"take {take}")  # noqa: S311  reproducible, not secret
    light = camera.uniform(0.75, 1.1)
    image = Image.new("RGB", SIZE, _lit((176, 196, 214), light))
    draw = ImageDraw.Draw(image)
    shift = camera.randint(-70, 70)
    horizon = scene.randint(190, 250) + camera.randint(-20, 20)
    _houses(draw, scene, horizon, shift, light)
    draw.rectangle((0, horizon, *SIZE), fill=_lit(scene.choice([(128, 128, 128), (146, 138, 126), (112, 118, 116)]), light))
    for line in range(4):
        y = horizon + 20 + line * scene.randint(38, 60)
        draw.line((0, y, SIZE[0], y + scene.randint(-30, 30)), fill=_lit((208, 208, 200), light), width=3)
    if not mended:
        _mess(draw, scene, camera, horizon, shift)
    draw.text((14, SIZE[1] - 24), "simulated", fill=(255, 255, 255))
    drawn = image.filter(ImageFilter.GaussianBlur(0.8))
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=70, exif=_exif(Image.Exif(), at.astimezone(zone), lon, lat))
    return file.getvalue()


def _houses(draw: ImageDraw, scene: random.Random, horizon: int, shift: int, light: float) -> None:
    at = -80 + shift
    while at < SIZE[0] + 80:
        width, height = scene.randint(60, 170), scene.randint(50, 185)
        fill = _lit((scene.randint(90, 210), scene.randint(90, 200), scene.randint(90, 200)), light)
        draw.rectangle((at, horizon - height, at + width, horizon), fill=fill)
        for window in range(at + 12, at + width - 14, 26):
            draw.rectangle((window, horizon - height + 14, window + 12, horizon - height + 34), fill=_lit((70, 84, 100), light))
        at += width + scene.randint(0, 40)


def _mess(draw: ImageDraw, scene: random.Random, camera: random.Random, horizon: int, shift: int) -> None:
    middle = (scene.randint(200, 440) + shift, horizon + scene.randint(90, 170))
    for _ in range(scene.randint(9, 22)):
        x, y = middle[0] + int(scene.gauss(0, 60)), middle[1] + int(scene.gauss(0, 28))
        size = scene.randint(10, 42) + camera.randint(-3, 3)
        fill = (scene.randint(30, 120), scene.randint(20, 90), scene.randint(10, 60))
        draw.ellipse((x - size, y - size // 2, x + size, y + size // 2), fill=fill, outline=(20, 16, 12))


def _lit(colour: tuple[int, int, int], light: float) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, int(part * light))) for part in colour)
    return red, green, blue


def _exif(exif: Exif, at: dt.datetime, lon: float, lat: float) -> Exif:
    exif.get_ifd(_EXIF).update({_TAKEN: f"{at:%Y:%m:%d %H:%M:%S}", _OFFSET: _offset(at)})
    exif.get_ifd(_GPS).update({1: "N" if lat >= 0 else "S", 2: _degrees(lat), 3: "E" if lon >= 0 else "W", 4: _degrees(lon)})
    return exif


def _offset(at: dt.datetime) -> str:
    text = f"{at:%z}"
    return f"{text[:3]}:{text[3:]}"


def _degrees(value: float) -> tuple[float, float, float]:
    whole = abs(value)
    minutes = (whole - int(whole)) * 60
    return float(int(whole)), float(int(minutes)), round((minutes - int(minutes)) * 60, 4)
