# SPDX-License-Identifier: Apache-2.0
"""A made-up city's things told to the registers: sensors as streams need them; people, houses and firms by their authorities.

Only while a register has no load at all: what a city states itself is never mixed with what is invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.city import City, Stated, Telling, qualify
from chengyun.collect.registering import register
from chengyun.share.registers.demo import FEED
from chengyun.share.registers.models import Load
from chengyun.share.registers.services import begin_load, take
from chengyun.simulate.world.residents import EPOCH, firms, houses
from chengyun.simulate.world.whole import World

__all__ = ["SOURCE", "Told", "register_sensors", "tell"]

SOURCE = "模拟城市"
"""What stands as the source of the sensors' register rows."""
BATCH = 1_000
PEOPLE_A_HOUSE, PEOPLE_A_FIRM = 60, 25

T = TypeVar("T")
Told = dict[str, int]
"""Register → statements taken."""


def register_sensors(world: World, digest: Any = None, *, send: bool = True) -> int:
    """Register every sensor that is not yet; return how many were new. digest: told of every row, also where send is False."""
    new = 0
    for part in world.parts:
        pack = part.stream.split(".")[0]
        for rows in _batches(part.registered()):
            if digest is not None:
                for one in rows:
                    digest.update(json.dumps([one.entity, one.key, one.values], ensure_ascii=False, default=str).encode())
            if send:
                marked = [type(one)(one.entity, one.key, {**one.values, "source": SOURCE}) for one in rows]
                new += register(world.city, pack, marked, simulated=True)
    return new


def tell(world: World, digest: Any = None, *, send: bool = True) -> Told:
    """Tell the registers what authorities know of the first people, houses and firms, as many as the settings say."""
    told: Told = {}
    for key, telling in _tellings(world.city):
        by_register: dict[str, list[Stated]] = {}
        for one in telling.tell(_things(world, telling), EPOCH.astype(object)):
            by_register.setdefault(qualify(key, one.entity), []).append(one)
        for dataset, stated in by_register.items():
            if digest is not None:
                for one in stated:
                    digest.update(json.dumps([dataset, one.key, one.values, one.since], ensure_ascii=False, default=str).encode())
            if send and not Load.objects.filter(dataset=dataset).exists():
                load = begin_load(SYSTEM, dataset, FEED, telling.authority, SOURCE, now=timezone.now())
                told[dataset] = sum(take(load, rows, simulated=True).stated for rows in _batches(stated))
    return told


def _tellings(city: City) -> Iterator[tuple[str, Telling]]:
    """Yield the packs' tellings, houses before homes before firms: what others refer to comes first."""
    found = [(key, one) for key, pack in city.packs.items() for one in pack.pack.tellings]
    order = {"house": 0, "home": 1, "firm": 2}
    yield from sorted(found, key=lambda pair: order[pair[1].of])


def _things(world: World, telling: Telling) -> Sequence[Any]:
    people, ground = min(world.settings.registered, world.settings.people), world.ground
    if telling.of == "home":
        return list(world.residents.homes(ground, people))
    if telling.of == "house":
        lived_in = {one.house.key: one.house for one in world.residents.homes(ground, people)}
        first = {one.key: one for one in houses(ground, people // PEOPLE_A_HOUSE)}
        return [house for _key, house in sorted({**first, **lived_in}.items())]
    return list(firms(ground, people // PEOPLE_A_FIRM))


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, BATCH)):
        yield batch
