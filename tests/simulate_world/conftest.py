# SPDX-License-Identifier: Apache-2.0
"""A small made-up city: two square districts with streets, and the bodies that work in them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from shapely.geometry import box, mapping

from chengyun.access.models import Organisation
from chengyun.areas.geometry import to_wkb
from chengyun.areas.models import Area, TreeVersion
from chengyun.cases.duties.services import ensure_duties
from chengyun.config import config
from chengyun.simulate.settings import Settings
from chengyun.simulate.world.ground import District, Ground
from chengyun.simulate.world.whole import World
from chengyun.web import cache

BEGINS = dt.datetime(2026, 9, 30, 16, tzinfo=dt.UTC)
"""Midnight of 1 October in the city."""
SEED = 20261001
DISTRICTS = (
    District("330203", "海曙区", (121.3, 29.7, 121.5, 30.0), (("330203001", "甲街道"), ("330203002", "乙街道"))),
    District("330212", "鄞州区", (121.5, 29.7, 121.8, 30.0)),
)


def inside(lons: np.ndarray, lats: np.ndarray) -> list[str]:
    """Say which of the two districts holds each point."""
    there = (lats >= 29.7) & (lats < 30.0) & (lons >= 121.3) & (lons < 121.8)
    return np.where(there, np.where(lons < 121.5, "330203", "330212"), "").tolist()


def ground(people: int, seed: int = SEED) -> Ground:
    """Return the ground without a database."""
    return Ground(seed, DISTRICTS, inside, people)


def place_city() -> None:
    """Put areas and bodies into the database."""
    cache.forget_all()
    rows = [("330200", "city", "宁波市", "", None)]
    rows += [(one.code, "district", one.name, "330200", box(*one.box)) for one in DISTRICTS]
    rows += [(code, "street", name, one.code, None) for one in DISTRICTS for code, name in one.streets]
    for code, level, name, parent, outline in rows:
        Area.objects.create(
            code=code, level=level, name=name, parent_code=parent, valid_from=dt.date(2016, 1, 1), source="test", lon=121.5,
            lat=29.85, outline=mapping(outline) if outline else None, boundary=to_wkb(outline) if outline else None,
        )  # fmt: skip
    TreeVersion.objects.create()
    centre = Organisation.objects.create(key="operations_centre", name="市城市运行中心", kind="centre")
    for key, name in (("enforcement", "综合执法局"), ("housing", "住房和城乡建设局"), ("transport", "交通运输局")):
        Organisation.objects.create(key=key, name=name, parent=centre)
    ensure_duties()


def world(data: Path, *, people: int, sensors: int, registered: int = 0, seed: int = SEED, trouble: float = 1.0) -> World:
    """Return a city of the database's areas whose truth goes to a folder of its own."""
    made = Settings(seed=seed, people=people, sensors=sensors, begins=BEGINS, registered=registered, trouble=trouble)
    return World(dataclasses.replace(config(), data=data), settings.CITY, made)


@pytest.fixture
def city(db) -> None:
    place_city()
