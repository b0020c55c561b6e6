# SPDX-License-Identifier: Apache-2.0
"""A made-up city lives on: each hour once, under keys of its own, through the front door."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.apps import apps
from django.conf import settings

from chengyun.collect import decode, front_door
from chengyun.config import config
from chengyun.errors import Refused, Unavailable
from chengyun.simulate.live import go_on
from chengyun.simulate.settings import Settings, begin_demo, due, settings_file
from chengyun.simulate.telling import SOURCE
from chengyun.simulate.world.whole import World

NOW = dt.datetime(2026, 11, 22, 6, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class Door:
    """What stands where the stream process listens. busy_after: how many bodies it takes before it is busy."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[str, decode.Decoded]] = {}
        self.busy_after = 10_000

    def post(self, _config: Any, stream: str, body: Any, *, purpose: str, key: str) -> dict[str, Any]:
        if len(self.bodies) >= self.busy_after:
            raise Unavailable("busy")
        assert purpose == "simulate"
        found = decode.read_body(msgspec.json.encode(body), settings.CITY.streams[stream])
        assert not found.dead
        self.bodies[key] = (stream, found)
        return {"accepted": len(found)}


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    found = Door()
    monkeypatch.setattr(front_door, "post", found.post)
    return found


def test_every_hour_is_told_once_also_after_it_was_cut_short(city: None, door: Door, tmp_path: Path) -> None:
    here = dataclasses.replace(config(), data=tmp_path)
    assert not due(here, NOW)
    with pytest.raises(Refused, match="No city was made"):
        go_on(here, settings.CITY, NOW)

    Settings(seed=5, people=2000, sensors=60, begins=NOW.replace(minute=0) - 3 * HOUR, registered=20).save(settings_file(here))
    assert due(here, NOW)
    door.busy_after = 8
    with pytest.raises(Unavailable):
        go_on(here, settings.CITY, NOW)
    door.busy_after = 10_000
    go_on(here, settings.CITY, NOW)
    assert not due(here, NOW)
    assert go_on(here, settings.CITY, NOW + dt.timedelta(minutes=10)) == 0

    told = Settings.load(settings_file(here))
    assert told is not None
    assert told.until == NOW.replace(minute=0)
    world = World(here, settings.CITY, told)
    by_part = {part.key: part for part in world.parts}
    assert len(door.bodies) == 3 * (len(by_part) + 1)  # shared bikes are observed every half hour
    for key, (stream, body) in door.bodies.items():
        name, at, _ = key.split(" ")
        block = by_part[name].observed(dt.datetime.fromisoformat(at))
        assert stream == by_part[name].stream
        assert body.keys == [by_part[name].keys[place] for place in block.sensor.tolist()]
        assert all((body.numbers[column] == values).all() for column, values in block.values.items())
    assets = apps.get_model("water_supply", "Asset").objects.filter(source=SOURCE)
    assert assets.filter(simulated=True).count() == assets.count() > 40
    assert (tmp_path / "simulation" / "planted.jsonl").exists()


def test_a_demonstration_begins_once(tmp_path: Path) -> None:
    here = dataclasses.replace(config(), data=tmp_path)
    begin_demo(here, NOW)
    first = Settings.load(settings_file(here))
    assert first is not None
    assert (first.begins, first.until, due(here, NOW)) == (NOW.replace(minute=0) - 48 * HOUR, None, True)
    begin_demo(here, NOW + 9 * HOUR)
    assert Settings.load(settings_file(here)) == first
