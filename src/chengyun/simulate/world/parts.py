# SPDX-License-Identifier: Apache-2.0
"""The parts of a made-up city that observe: a pack's instruments all at once, or its Simulation one sensor at a time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from chengyun.city import City, Instrument, Registered, Sensors, SimulatedArea, Simulation, Stream, qualify
from chengyun.simulate.world.ground import Ground
from chengyun.simulate.world.plan import Fault, Incident, Plan
from chengyun.simulate.world.seeds import Floats, Ints, generator
from chengyun.simulate.world.sky import sky

__all__ = ["Bank", "Block", "OneByOne", "Part", "parts_of"]

DRIFTS_IN = dt.timedelta(days=2)
"""How long a drift takes to come to its size."""
PREFIX = "w"
"""What a sensor's key begins with: never what a pack's own Simulation makes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Observations of one moment. sensor: places in the part's keys; values: quantity → values, NaN where not told."""

    at: dt.datetime
    sensor: Ints
    values: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.sensor)


class Part(Protocol):
    """What the city asks of each of its parts.

    key: pack and instrument; stream: qualified; step: how far apart its moments are, from midnight UTC on; keys: of its sensors.
    """

    key: str
    stream: str
    step: dt.timedelta

    @property
    def keys(self) -> Sequence[str]: ...
    def registered(self) -> Iterable[Registered]: ...
    def observed(self, at: dt.datetime) -> Block: ...
    def planted(self, since: dt.datetime, until: dt.datetime) -> tuple[Sequence[Incident], Sequence[Fault]]: ...


class Bank:
    """All the sensors of an instrument."""

    def __init__(
        self, pack: str, instrument: Instrument, declared: Stream, ground: Ground, count: int, begins: dt.datetime,
        zone: ZoneInfo, trouble: float = 1.0,
    ) -> None:  # fmt: skip
        self.key, self.stream, self.step = f"{pack}.{instrument.key}", qualify(pack, instrument.stream), instrument.step
        self._entity, self._instrument, self._ground, self._zone = declared.entity.to, instrument, ground, zone
        # One digit more than pages show, as instruments send.
        self._decimals = {one.key: one.decimals + 1 for one in declared.quantities}
        self.keys = [f"{PREFIX}-{instrument.key}-{number:06d}" for number in range(1, count + 1)]
        lon, lat, self._building = ground.points(self.key, count)
        own = {letter: generator(ground.seed, "own", self.key, letter).random(count) for letter in instrument.own}
        self.sensors = Sensors(self.keys, lon, lat, own)
        self._plan = Plan(ground.seed, self.key, instrument, self.sensors, begins, trouble)

    def registered(self) -> Iterable[Registered]:
        """Yield what the register is to keep of each sensor."""
        more = self._instrument.register(self.sensors) if self._instrument.register else {}
        for place, key in enumerate(self.keys):
            values = {name: column[place] for name, column in more.items()}
            where = {"lon": float(self.sensors.lon[place]), "lat": float(self.sensors.lat[place])}
            area = self._ground.area_code(int(self._building[place]))
            yield Registered(self._entity, key, {"name": key, **values, **where, "area_code": area, "simulated": True})

    def observed(self, at: dt.datetime) -> Block:
        """Return what the sensors send at a moment, with all that is wrong with the city and with them."""
        incidents, faults = self._plan.during(at, at + self.step)
        values = self._read(at, self.sensors, incidents)
        sent = np.ones(len(self.keys), dtype=np.bool_)
        for fault in faults:
            self._spoil(fault, at, values, sent)
        sensor = np.flatnonzero(sent)
        rounded = {name: np.round(column[sensor], self._decimals[name]) for name, column in values.items()}
        return Block(at, sensor, rounded)

    def true(self, at: dt.datetime) -> Mapping[str, Floats]:
        """Return what would be measured if no sensor were broken."""
        return self._read(at, self.sensors, self._plan.during(at, at + self.step)[0])

    def planted(self, since: dt.datetime, until: dt.datetime) -> tuple[Sequence[Incident], Sequence[Fault]]:
        """Return the truth between two moments."""
        return self._plan.during(since, until)

    def _read(self, at: dt.datetime, sensors: Sensors, incidents: Sequence[Incident]) -> dict[str, Floats]:
        stamp = int(at.timestamp())
        noise = {
            letter: generator(self._ground.seed, "noise", self.key, letter, stamp).standard_normal(len(sensors))
            for letter in self._instrument.noise
        }
        felt = {one.key: np.zeros(len(sensors)) for one in self._instrument.mishaps}
        for one in incidents:
            column = felt[one.mishap.key]
            near = list(one.sensors)
            column[near] = np.maximum(column[near], one.strength)
        return self._measure(at, dataclasses.replace(sensors, noise=noise, felt=felt))

    def _measure(self, at: dt.datetime, sensors: Sensors) -> dict[str, Floats]:
        found = self._instrument.read(sky(self._ground.seed, at, self._zone), sensors)
        return {name: np.array(column, dtype=np.float64) for name, column in found.items()}

    def _spoil(self, fault: Fault, at: dt.datetime, values: dict[str, Floats], sent: np.ndarray) -> None:
        """Change what one sensor sends, in place."""
        defect, place = fault.defect, fault.sensor
        if defect.kind == "silence":
            sent[place] = False
            return
        column = values[str(defect.quantity)]
        if defect.kind == "stuck":
            column[place] = self._at_rest(fault)
        elif defect.kind == "spike":
            column[place] += defect.size
        else:
            column[place] *= 1 + defect.size * min(1.0, (at - fault.since + self.step) / DRIFTS_IN)

    def _at_rest(self, fault: Fault) -> float:
        """Return the value a sensor sticks at: its own at the fault's beginning, without the noise of that moment."""
        place, sensors = slice(fault.sensor, fault.sensor + 1), self.sensors
        quiet = Sensors(
            self.keys[place], sensors.lon[place], sensors.lat[place],
            {letter: column[place] for letter, column in sensors.own.items()},
            {letter: np.zeros(1) for letter in self._instrument.noise},
            {one.key: np.zeros(1) for one in self._instrument.mishaps},
        )  # fmt: skip
        return float(self._measure(fault.since, quiet)[str(fault.defect.quantity)][0])


class OneByOne:
    """A pack's Simulation: what it says of one sensor at one moment, asked of each. Nothing more is planted than it plants."""

    def __init__(
        self, pack: str, simulation: Simulation, stream: str, declared: Stream, areas: Sequence[SimulatedArea], seed: int
    ) -> None:
        self.stream, self.key = qualify(pack, stream), f"{pack}.{stream}"
        self.step = declared.cadence or dt.timedelta(hours=1)
        self._seed, self._observe = seed, simulation.observe
        self._columns = [one.key for one in declared.quantities]
        found = simulation.register(areas, random.Random(seed))  # noqa: S311  a simulation, not a secret
        self._registered = [one for one in found if one.entity == declared.entity.to]
        self.keys = [one.key for one in self._registered]

    def registered(self) -> Iterable[Registered]:
        """Yield what the simulation registers."""
        return self._registered

    def observed(self, at: dt.datetime) -> Block:
        """Return what the sensors send at a moment."""
        told = [self._observe(self.key.partition(".")[2], key, at, self._seed) for key in self.keys]
        sensor = np.array([place for place, one in enumerate(told) if one is not None], dtype=np.int64)
        rows = [one for one in told if one is not None]
        values = {
            name: np.array([np.nan if one.get(name) is None else float(one[name]) for one in rows]) for name in self._columns
        }
        return Block(at, sensor, values)

    def planted(self, since: dt.datetime, until: dt.datetime) -> tuple[Sequence[Incident], Sequence[Fault]]:  # noqa: ARG002
        """Return nothing: what a Simulation plants it keeps to itself."""
        return (), ()


def parts_of(
    city: City, ground: Ground, sensors: int, begins: dt.datetime, zone: ZoneInfo, areas: Sequence[SimulatedArea] = (),
    trouble: float = 1.0,
) -> list[Part]:  # fmt: skip
    """Return the parts of every pack: its instruments, or where it has none its Simulation.

    sensors: of all instruments together, shared out as they say. areas: what Simulations place their things in. trouble: how
    many times what instruments tell is planted.
    """
    told = [(key, one) for key, pack in city.packs.items() for one in pack.pack.instruments]
    whole = sum(one.share for _, one in told)
    parts: list[Part] = []
    for key, one in told:
        count = max(1, round(sensors * one.share / whole))
        parts.append(Bank(key, one, city.streams[qualify(key, one.stream)], ground, count, begins, zone, trouble))
    for key, pack in city.packs.items():
        simulation = pack.pack.simulation
        if simulation is not None and not pack.pack.instruments:
            for stream in simulation.streams:
                declared = city.streams[qualify(key, stream)]
                parts.append(OneByOne(key, simulation, stream, declared, areas, ground.seed))
    return parts
