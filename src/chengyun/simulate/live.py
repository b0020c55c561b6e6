# SPDX-License-Identifier: Apache-2.0
"""A made-up city lives on: what its sensors observed since it was last asked, posted to the front door as devices would."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np

from chengyun.city import City
from chengyun.collect import front_door
from chengyun.config import Config
from chengyun.errors import Refused
from chengyun.simulate.settings import HOUR, SETTLED, Settings, settings_file
from chengyun.simulate.telling import register_sensors, tell
from chengyun.simulate.truth import write_people, write_planted, write_sky
from chengyun.simulate.world.parts import Block, Part
from chengyun.simulate.world.whole import World

__all__ = ["go_on"]

BATCH = 5_000
LONGEST = dt.timedelta(hours=72)
"""What was missed longer ago stays missed: the city was not there."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def go_on(config: Config, city: City, now: dt.datetime) -> int:
    """Post every hour that has passed; return how many observations were accepted.

    An hour is posted under keys of its own, so one that was cut short is posted again and kept once. Raises Refused where no city
    was made, Unavailable when the stream process is away.
    """
    path = settings_file(config)
    settings = Settings.load(path)
    if settings is None:
        raise Refused("No city was made here yet: `chengyun simulate` makes one, `chengyun up --demo` a small one.")
    world = World(config, city, settings)
    if settings.until is None:
        register_sensors(world)
        tell(world)
        write_people(world)
    accepted, since = 0, max(settings.until or settings.begins, _hour(now - LONGEST))
    while since + HOUR + SETTLED <= now:
        for part in world.parts:
            at = EPOCH + -(-(since - EPOCH) // part.step) * part.step
            while at < since + HOUR:
                accepted += _post(config, city, part, part.observed(at))
                at += part.step
        since += HOUR
        settings = dataclasses.replace(settings, until=since)
        settings.save(path)
    write_planted(world, since)
    write_sky(world, since)
    return accepted


def _post(config: Config, city: City, part: Part, block: Block) -> int:
    declared, accepted = city.streams[part.stream], 0
    for number, (sensor, values) in enumerate(_batches(block)):
        columns: dict[str, list[Any]] = {
            declared.entity.key: [part.keys[place] for place in sensor.tolist()],
            declared.time: [int(block.at.timestamp() * 1000)] * len(sensor),
        }
        for name, column in values.items():
            columns[name] = [None if np.isnan(value) else value for value in column.tolist()]
        key = f"{part.key} {block.at.isoformat()} {number}"
        answer = front_door.post(config, part.stream, {"columns": columns}, purpose="simulate", key=key)
        accepted += int(answer["accepted"])
    return accepted


def _batches(block: Block) -> Iterator[tuple[Any, dict[str, Any]]]:
    for first in range(0, len(block), BATCH):
        cut = slice(first, first + BATCH)
        yield block.sensor[cut], {name: column[cut] for name, column in block.values.items()}


def _hour(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
