# SPDX-License-Identifier: Apache-2.0
"""What a pack adds to a made-up city that is drawn by the hundred thousand: instruments, what befalls them, and who lives there.

    Sky (one step of the whole city) ─┐
                                      ├─▶ Instrument.read ─▶ what is true ─▶ Mishap: what happens to the city
    Sensors (all of one instrument) ──┘                                  └─▶ Defect: what happens to a sensor ─▶ what is sent

A `Simulation` (words.py) says the same one sensor and one moment at a time; a city takes either. Arrays are numpy's: the modules
of packs import it inside their functions, because every process loads the packs and few of them count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chengyun.city.declare import declaration, is_key
from chengyun.city.registers import Stated

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Defect", "Firm", "Home", "House", "Inhabitant", "Instrument", "Mishap", "Sensors", "Sky", "Telling"]


@dataclass(frozen=True, slots=True)
class Sky:
    """What the whole city is in at one moment: the weather, and how its people move.

    at: UTC. hour: local, 0 to 24. season: 1 in mid-January, −1 in mid-July. sun: 0 to 1. wind: m/s. rain: mm in the hour.
    stagnant: from −1 (the air is swept) to 1. traffic: 0 (empty roads) to 1 (an evening's rush). out: share of people not at
    home. working: whether most people work on this day.
    """

    at: dt.datetime
    hour: float
    season: float
    temperature: float
    sun: float
    wind: float
    rain: float
    stagnant: float
    traffic: float
    out: float
    working: bool


@dataclass(frozen=True, slots=True)
class Sensors:
    """The sensors of one instrument, one element each.

    own: what makes each unlike the others, by the letter asked for, 0 to 1, the same at every moment. noise: of this
    moment, about a normal distribution. felt: mishap → how much of it each feels just now, 0 to 1.
    """

    keys: Sequence[str]
    lon: Floats
    lat: Floats
    own: Mapping[str, Floats]
    noise: Mapping[str, Floats] = field(default_factory=dict)
    felt: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """What happens to the city at a place, for some hours, and what should be said of it.

    rules: alert rules that must speak of it; also: rules that may, without being wrong. often: a week, among 1,000 sensors.
    hours: least and most. reach_m: whose sensors feel it; the nearest one always does.
    """

    key: str
    name: str
    rules: Sequence[str]
    often: float
    hours: tuple[float, float]
    also: Sequence[str] = ()
    reach_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What happens to a sensor. silence: nothing is sent; stuck: the value of its beginning; spike: `size` is added; drift: the
    value comes to be 1 + size times what it is, within two days.

    quantity: which one; None: all of them, for silence. flag: the quality flag that should show it. rules, often, hours: as a
    mishap's.
    """

    kind: Literal["silence", "stuck", "spike", "drift"]
    often: float
    hours: tuple[float, float]
    quantity: str | None = None
    size: float = 0.0
    flag: Literal["gap", "stuck", "spike", "range", ""] = ""
    rules: Sequence[str] = ()
    also: Sequence[str] = ()


@declaration
class Instrument:
    """A kind of sensor of a made-up city.

    stream: key of the stream it feeds. share: of all sensors of a city, among those of all packs. step: how far apart its
    observations are. noise: letters of the noises `read` uses. own: letters of what makes its sensors differ.
    register: values beside key, place and area of each sensor, by field. read: what each would measure if nothing were wrong
    with it: columns of the stream; NaN: it does not measure that. A pure function.
    """

    key: str
    name: str
    stream: str
    share: float
    read: Callable[[Sky, Sensors], Mapping[str, Floats]]
    step: dt.timedelta = dt.timedelta(hours=1)
    own: Sequence[str] = ("a", "b")
    noise: Sequence[str] = ("a",)
    register: Callable[[Sensors], Mapping[str, Sequence[Any]]] | None = None
    mishaps: Sequence[Mishap] = ()
    defects: Sequence[Defect] = ()

    def faults(self) -> Iterator[str]:
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if not self.share > 0:
            yield f"share is {self.share!r}, expected above 0."
        if self.step <= dt.timedelta(0) or dt.timedelta(days=1) % self.step:
            yield f"step is {self.step}, expected a span of time that divides a day."
        told = [one.key for one in self.mishaps]
        for key in sorted({key for key in told if told.count(key) > 1}):
            yield f"mishap {key!r} stands twice."
        planted = [(one.key, one.hours) for one in self.mishaps] + [(one.kind, one.hours) for one in self.defects]
        for name, (least, most) in planted:
            if not 0 < least <= most:
                yield f"hours of {name!r} are {(least, most)!r}, expected (least, most)."


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """A person who does not exist. sex: 1 or 2 (GB/T 2261.1); relation: to the head of the household, by GB/T 4761's first digit.

    rank: how many of the same sex and day of birth come before; never the same for two of them.
    """

    key: str
    name: str
    sex: str
    born: dt.date
    relation: str
    rank: int


@dataclass(frozen=True, slots=True)
class House:
    """A building that does not exist. street: code of the street or, where none is known, the district."""

    key: str
    name: str
    address: str
    area_code: str
    lon: float
    lat: float
    built: int
    floors: int


@dataclass(frozen=True, slots=True)
class Home:
    """A household that does not exist, and its people, the head first. moved_in: since when they live there."""

    key: str
    house: House
    address: str
    migrant: bool
    moved_in: dt.date
    people: Sequence[Inhabitant]


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm that does not exist. number: of all firms of the city, from 1; lot: 0 to 1, what else of it is drawn by."""

    number: int
    house: House
    founded: dt.date
    lot: float


@declaration
class Telling:
    """What an authority tells of a made-up city's houses, homes or firms, into the pack's registers.

    of: what it is given; tell: the things it is asked of → statements. The same things give the same.
    """

    authority: str
    of: Literal["house", "home", "firm"]
    tell: Callable[[Sequence[Any], dt.date], Iterable[Stated]]
