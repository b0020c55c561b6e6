# SPDX-License-Identifier: Apache-2.0
"""What really was in a made-up city, in files apart from the database: nothing the city runs on reads them.

The folder is there: who makes the city makes it.

<data>/simulation/world.json       what everything follows from
                  planted.jsonl    every mishap and every sensor's fault, with the rules that should speak of it
                  truth.jsonl      what went wrong in the streets, which report told of it, and every false deed (loop.py)
                  people.parquet   every person and household, all of them synthetic
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from chengyun.simulate.incidents import Planned
from chengyun.simulate.told import folder
from chengyun.simulate.world.sky import sky
from chengyun.simulate.world.whole import World

__all__ = ["write_people", "write_planted", "write_sky", "write_streets"]

SKY = ("at", "temperature", "rain", "wind", "sun", "stagnant", "traffic", "out")
"""Columns of sky.csv, as in city.world.Sky."""
MOST_NAMED = 60
"""Sensors that a mishap names, the nearest first; whoever scores needs no more."""


def write_planted(world: World, until: dt.datetime) -> tuple[int, int]:
    """Write every mishap and fault that began before a moment; return how many of each."""
    path = folder(world.config) / "planted.jsonl"
    incidents = faults = 0
    with path.open("w", encoding="utf-8") as file:
        for part in world.parts:
            pack = part.key.split(".")[0]
            mishaps, broken = part.planted(world.settings.begins, until)
            for one in mishaps:
                incidents += 1
                kind = one.mishap
                _line(file, {
                    "what": "mishap", "key": one.key, "kind": kind.key, "name": kind.name, "stream": part.stream,
                    "since": one.since, "until": one.until, "lon": one.lon, "lat": one.lat,
                    "rules": _qualified(pack, kind.rules), "also": _qualified(pack, kind.also), "felt_by": len(one.sensors),
                    "sensors": [part.keys[place] for place in one.sensors[:MOST_NAMED]],
                })  # fmt: skip
            for fault in broken:
                faults += 1
                defect = fault.defect
                _line(file, {
                    "what": "fault", "key": fault.key, "kind": defect.kind, "quantity": defect.quantity, "stream": part.stream,
                    "since": fault.since, "until": fault.until, "rules": _qualified(pack, defect.rules),
                    "also": _qualified(pack, defect.also), "flag": defect.flag, "sensors": [part.keys[fault.sensor]],
                })  # fmt: skip
    return incidents, faults


def write_streets(world: World, streets: Iterable[Planned], until: dt.datetime) -> None:
    """Write what went wrong in the streets and who would have told of it, where nothing is sent."""
    with (folder(world.config) / "truth.jsonl").open("w", encoding="utf-8") as file:
        for one in streets:
            if world.settings.begins < one.at <= until:
                where = {"category": one.kind.category, "lon": one.lon, "lat": one.lat}
                _line(file, {"what": "incident", "key": one.key, "at": one.at, **where})
            for told in one.told:
                if world.settings.begins < told.at <= until:
                    _line(file, {"what": "told", "key": told.key, "at": told.at, "incident": one.key})


def write_sky(world: World, until: dt.datetime) -> None:
    """Write the weather and the traffic of every hour up to a moment, which nothing in the city is told."""
    with (folder(world.config) / "sky.csv").open("w", encoding="utf-8") as file:
        file.write(",".join(SKY) + "\n")
        at = world.settings.begins
        while at < until:
            found = sky(world.settings.seed, at, world.config.zone)
            cells = [at.isoformat(), *(f"{getattr(found, name):.3f}" for name in SKY[1:])]
            file.write(",".join(cells) + "\n")
            at += dt.timedelta(hours=1)


def write_people(world: World) -> None:
    """Write every person: household, building, day of birth, sex, relation, names as places in their lists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found, ground = world.residents, world.ground
    house = found.building[found.household]
    columns: dict[str, Any] = {
        "household": found.household.astype(np.int32), "building": house.astype(np.int32), "born": found.born,
        "sex": found.sex.astype(np.int8), "relation": found.relation.astype(np.int8),
        "surname": found.surname.astype(np.int16), "given": found.given[:, 0].astype(np.int16),
        "given_second": found.given[:, 1].astype(np.int16), "migrant": found.migrant[found.household],
        "lon": ground.buildings.lon[house], "lat": ground.buildings.lat[house],
    }  # fmt: skip
    pq.write_table(pa.table(columns), folder(world.config) / "people.parquet", compression="zstd")


def _line(file: Any, one: Mapping[str, Any]) -> None:
    file.write(json.dumps(one, ensure_ascii=False, default=lambda value: value.isoformat()) + "\n")


def _qualified(pack: str, rules: Any) -> list[str]:
    return [rule if "." in rule else f"{pack}.{rule}" for rule in rules]
