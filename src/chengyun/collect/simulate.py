# SPDX-License-Identifier: Apache-2.0
"""A city without data is not an empty screen: packs' simulations speak through the front door, marked as simulated.

A stream is simulated while nothing real was observed in it lately. The first run registers what the simulation invents
and posts the last three days; every later one, what has become due. What was posted is read back from the newest rows, so
a run may be repeated, cut short or missed.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg import sql

from chengyun.areas import queries as areas
from chengyun.city import City, Registered, SimulatedArea, Simulation, qualify
from chengyun.collect import front_door
from chengyun.collect.registering import model_of, register
from chengyun.config import Config
from chengyun.lake.rows import Flag
from chengyun.lake.tables import StreamTable, stream_table

__all__ = ["simulate", "simulated_areas"]

HISTORY = dt.timedelta(hours=72)
REAL_WITHIN = dt.timedelta(days=3)
"""A stream with a real observation this young is not simulated."""
BATCH = 5_000
PLACES = 24
"""Points offered in each district."""
SOURCE = "模拟"

log = logging.getLogger(__name__)


def simulate(config: Config, city: City, now: dt.datetime) -> int:
    """Post what is due; return how many observations were accepted. Raises Unavailable when the stream process is away."""
    if not config.demo:
        return 0
    accepted = 0
    seed = int(config.city)
    for key, pack in city.packs.items():
        simulation = pack.pack.simulation
        if simulation is None:
            continue
        streams = [qualify(key, name) for name in simulation.streams]
        quiet = [stream for stream in streams if not _has_real(stream_table(city, stream), now)]
        if quiet:
            _register_once(city, key, simulation, seed)
        for stream in quiet:
            accepted += _post_due(config, city, stream, simulation, seed, now)
    return accepted


def _register_once(city: City, pack: str, simulation: Simulation, seed: int) -> None:
    """Register what the simulation invents, unless that was done: what a person removed stays removed."""
    entities = {qualify(pack, city.streams[qualify(pack, stream)].entity.to) for stream in simulation.streams}
    if any(model_of(city, entity)._default_manager.filter(source=SOURCE).exists() for entity in entities):
        return
    found = simulation.register(simulated_areas(seed), random.Random(seed))  # noqa: S311  a simulation, not a secret
    marked = [Registered(it.entity, it.key, {**it.values, "source": SOURCE}) for it in found]
    count = register(city, pack, marked, simulated=True)
    # None before a city has areas; asked again every round, said once there is something to say.
    if count:
        log.info("%s: %d simulated things registered", pack, count)


def simulated_areas(seed: int) -> list[SimulatedArea]:
    """Return the city's districts with points inside, by code; none before a city has areas."""
    found = []
    for feature in areas.boundaries("district")["features"]:
        code = str(feature["properties"]["code"])
        points = _points_inside(code, feature["geometry"], seed)
        found.append(SimulatedArea(code, str(feature["properties"]["name"]), points))
    return sorted(found, key=lambda area: area.code)


def _points_inside(code: str, geometry: Mapping[str, Any], seed: int) -> tuple[tuple[float, float], ...]:
    """Return points of a district, seeded, at least three decimals (about 100 m) apart from its neighbours' by chance alone."""
    corners = list(_corners(geometry["coordinates"]))
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    south, north = min(y for _, y in corners), max(y for _, y in corners)
    chance = random.Random(f"{seed} {code}")  # noqa: S311  a simulation, not a secret
    tried = [(round(chance.uniform(west, east), 5), round(chance.uniform(south, north), 5)) for _ in range(PLACES * 20)]
    inside = areas.area_of_points([x for x, _ in tried], [y for _, y in tried], "district")
    return tuple(point for point, found in zip(tried, inside.tolist(), strict=True) if found == code)[:PLACES]


def _corners(coordinates: Sequence[Any]) -> Iterator[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        yield float(coordinates[0]), float(coordinates[1])
    else:
        for part in coordinates:
            yield from _corners(part)


def _has_real(table: StreamTable, now: dt.datetime) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {latest} WHERE quality & %s = 0 AND time > %s)").format(
        latest=sql.Identifier(*table.latest.split("."))
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [int(Flag.SIMULATED), now - REAL_WITHIN])
        return bool(cursor.fetchone()[0])


def _post_due(config: Config, city: City, stream: str, simulation: Simulation, seed: int, now: dt.datetime) -> int:
    declared, table = city.streams[stream], stream_table(city, stream)
    keys = _simulated_keys(city, table)
    if not keys:
        return 0
    step = declared.cadence or dt.timedelta(minutes=10)
    newest = _newest_simulated(table)
    first = max(now - HISTORY, newest + step if newest else now - HISTORY)
    moment = dt.datetime.fromtimestamp(-(-first.timestamp() // step.total_seconds()) * step.total_seconds(), dt.UTC)
    columns = [name for name in declared.columns if name not in (declared.entity.key, declared.time)]
    rows: list[list[Any]] = []
    accepted = 0
    while moment + step <= now:
        for key in keys:
            values = simulation.observe(table.key, key, moment, seed)
            if values is not None:
                rows.append([key, int(moment.timestamp() * 1000), *(values.get(name) for name in columns)])
        moment += step
        if rows and (len(rows) >= BATCH or moment + step > now):
            body = {"columns": [declared.entity.key, declared.time, *columns], "rows": rows}
            accepted += int(front_door.post(config, stream, body, purpose="simulate")["accepted"])
            rows = []
    return accepted


def _simulated_keys(city: City, table: StreamTable) -> list[str]:
    """Return the entities still simulated: a first real reading takes one out."""
    model = model_of(city, f"{table.pack}.{table.entity_key}")
    return list(model._default_manager.filter(simulated=True, source=SOURCE).order_by("key").values_list("key", flat=True))


def _newest_simulated(table: StreamTable) -> dt.datetime | None:
    query = sql.SQL("SELECT max(time) FROM {latest} WHERE quality & %s <> 0").format(
        latest=sql.Identifier(*table.latest.split("."))
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [int(Flag.SIMULATED)])
        found: dt.datetime | None = cursor.fetchone()[0]
    return found
