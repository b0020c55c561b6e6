# SPDX-License-Identifier: Apache-2.0
"""A city of two districts, the people of its desks, and pictures as phones take them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable

import pytest
from django.test import Client
from PIL import Image, ImageDraw

from chengyun.access.actors import Actor, actor_of_account
from chengyun.access.models import Account, Assignment, Organisation
from chengyun.areas.geometry import to_wkb
from chengyun.areas.models import Area, TreeVersion
from chengyun.cases.intake.services import ReportIn
from chengyun.web import cache

NOW = dt.datetime(2026, 11, 17, 2, tzinfo=dt.UTC)
HAISHU, YINZHOU = (121.45, 29.85), (121.65, 29.85)
CASE = "urban_management.case"
LITTER, LAMP = "event/0101", "component/0118"


def box(west: float, south: float, east: float, north: float) -> dict:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@pytest.fixture
def city(db) -> None:
    """海曙区 in the west, 鄞州区 in the east, and the bodies that work there."""
    from shapely.geometry import shape

    cache.forget_all()
    for code, level, name, parent, outline in (
        ("330200", "city", "宁波市", "", None),
        ("330203", "district", "海曙区", "330200", box(121.3, 29.7, 121.5, 30.0)),
        ("330212", "district", "鄞州区", "330200", box(121.5, 29.7, 121.8, 30.0)),
    ):
        Area.objects.create(
            code=code, level=level, name=name, parent_code=parent, valid_from=dt.date(2016, 1, 1), source="test", outline=outline,
            lon=121.5, lat=29.85, boundary=to_wkb(shape(outline)) if outline else None,
        )  # fmt: skip
    TreeVersion.objects.create()
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    Organisation.objects.create(key="sanitation", name="环卫中心", parent=centre)


@pytest.fixture
def account(city) -> Callable[..., Account]:
    def make(name: str, role: str, body: str = "operations_centre", area: str = "") -> Account:
        organisation = Organisation.objects.get(key=body)
        made = Account.objects.create(username=name, name=name, organisation=organisation)
        since = NOW - dt.timedelta(days=9)
        Assignment.objects.create(account=made, role=role, organisation=organisation, area_code=area, since=since)
        return made

    return make


@pytest.fixture
def actor(account) -> Callable[..., Actor]:
    def make(name: str, role: str, body: str = "operations_centre", area: str = "") -> Actor:
        return actor_of_account(account(name, role, body, area), NOW)

    return make


@pytest.fixture
def signed_in(account) -> Callable[..., Client]:
    def make(name: str, role: str, **given) -> Client:
        client = Client()
        client.force_login(account(name, role, **given))
        return client

    return make


def report(**given) -> ReportIn:
    """A report of litter in 海曙区, as somebody types it."""
    values = {"channel": "web", "text": "路口一大堆垃圾没人收", "lon": HAISHU[0], "lat": HAISHU[1], "category": LITTER}
    return ReportIn(**(values | given))


def picture(seed: int = 1, *, size=(800, 600), place=None, taken="", kind="JPEG", **save) -> bytes:
    """A drawn picture. place: (lon, lat) for its EXIF."""
    image = Image.new("RGB", size, (seed * 37 % 255, seed * 91 % 255, seed * 53 % 255))
    draw = ImageDraw.Draw(image)
    for turn in range(12):
        left, top = (seed * 131 * (turn + 3)) % size[0], (seed * 57 * (turn + 5)) % size[1]
        colour = ((turn * 70 * seed) % 255, (turn * 29) % 255, 90)
        draw.rectangle([left, top, left + size[0] // 4, top + size[1] // 5], fill=colour)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    if place:
        lon, lat = place
        gps = exif.get_ifd(0x8825)
        gps[1], gps[2] = "N", _dms(lat)
        gps[3], gps[4] = "E", _dms(lon)
    out = io.BytesIO()
    image.save(out, kind, exif=exif, **save) if place or taken else image.save(out, kind, **save)
    return out.getvalue()


def _dms(value: float) -> tuple[float, float, float]:
    degrees = int(value)
    minutes = int((value - degrees) * 60)
    return (float(degrees), float(minutes), round((value - degrees - minutes / 60) * 3600, 4))
