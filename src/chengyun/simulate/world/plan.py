# SPDX-License-Identifier: Apache-2.0
"""What befalls a made-up city's sensors and the places they stand at: planted day by day, known beforehand, the ground truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chengyun.city import Defect, Instrument, Mishap, Sensors
from chengyun.simulate.world.ground import metres
from chengyun.simulate.world.seeds import generator

__all__ = ["Fault", "Incident", "Plan", "longest"]

WEAKEST = 0.95
"""How much of a mishap whoever feels it feels at least."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A mishap planted. sensors: places of those that feel it, the nearest first. until: exclusive."""

    key: str
    mishap: Mishap
    since: dt.datetime
    until: dt.datetime
    lon: float
    lat: float
    strength: float
    sensors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect planted in one sensor."""

    key: str
    defect: Defect
    since: dt.datetime
    until: dt.datetime
    sensor: int


class Plan:
    """What is planted for the sensors of one instrument.

    begins: nothing is, before it. trouble: how many times what the instrument tells is planted.
    """

    def __init__(
        self, seed: int, key: str, instrument: Instrument, sensors: Sensors, begins: dt.datetime, trouble: float = 1.0
    ) -> None:
        self.seed, self.key, self.instrument, self.sensors, self.begins = seed, key, instrument, sensors, begins
        self.trouble = trouble
        self._reach = longest(instrument)
        self._days: dict[int, tuple[list[Incident], list[Fault]]] = {}

    def during(self, since: dt.datetime, until: dt.datetime) -> tuple[list[Incident], list[Fault]]:
        """Return what goes on between two moments, in the order of its planting."""
        incidents: list[Incident] = []
        faults: list[Fault] = []
        for day in range(_day(since - self._reach), _day(until) + 1):
            planted = self._of(day)
            incidents += [one for one in planted[0] if one.since < until and one.until > since]
            faults += [one for one in planted[1] if one.since < until and one.until > since]
        return incidents, faults

    def _of(self, day: int) -> tuple[list[Incident], list[Fault]]:
        if day not in self._days:
            if len(self._days) > 60:
                self._days.clear()
            self._days[day] = (list(self._incidents(day)), list(self._faults(day)))
        return self._days[day]

    def _incidents(self, day: int) -> Iterator[Incident]:
        for mishap in self.instrument.mishaps:
            chance = generator(self.seed, "mishap", self.key, mishap.key, day)
            for number, (since, until) in enumerate(self._times(chance, day, mishap), 1):
                centre = int(chance.integers(len(self.sensors)))
                lon, lat = float(self.sensors.lon[centre]), float(self.sensors.lat[centre])
                strength = WEAKEST + (1 - WEAKEST) * float(chance.random())
                if since < self.begins:
                    continue
                apart = metres(self.sensors.lon, self.sensors.lat, lon, lat)
                near = np.flatnonzero(apart <= mishap.reach_m) if mishap.reach_m else np.array([centre])
                # The nearest first; where several stand at one place, the one it was drawn at.
                order = sorted(near.tolist(), key=lambda one: (float(apart[one]), one != centre))
                yield Incident(
                    f"{self.key}.{mishap.key}-{_label(day)}-{number:03d}", mishap, since, until, lon, lat, strength, tuple(order)
                )

    def _faults(self, day: int) -> Iterator[Fault]:
        for place, defect in enumerate(self.instrument.defects):
            chance = generator(self.seed, "defect", self.key, place, day)
            for number, (since, until) in enumerate(self._times(chance, day, defect), 1):
                sensor = int(chance.integers(len(self.sensors)))
                if since >= self.begins:
                    yield Fault(f"{self.key}.{defect.kind}{place}-{_label(day)}-{number:03d}", defect, since, until, sensor)

    def _times(self, chance: Any, day: int, what: Mishap | Defect) -> Sequence[tuple[dt.datetime, dt.datetime]]:
        step = self.instrument.step
        steps = dt.timedelta(days=1) // step
        count = int(chance.poisson(what.often / 7 * len(self.sensors) / 1000 * self.trouble))
        begin = _EPOCH + dt.timedelta(days=day)
        found = []
        for _ in range(count):
            since = begin + step * int(chance.integers(steps))
            hours = what.hours[0] + (what.hours[1] - what.hours[0]) * float(chance.random())
            found.append((since, since + step * max(1, round(dt.timedelta(hours=hours) / step))))
        return found


def longest(instrument: Instrument) -> dt.timedelta:
    """Return how long the longest of what is planted may last."""
    hours = [one.hours[1] for one in instrument.mishaps] + [one.hours[1] for one in instrument.defects]
    return dt.timedelta(hours=max(hours, default=0.0)) + instrument.step


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _day(at: dt.datetime) -> int:
    return (at - _EPOCH).days


def _label(day: int) -> str:
    return f"{_EPOCH + dt.timedelta(days=day):%Y%m%d}"
