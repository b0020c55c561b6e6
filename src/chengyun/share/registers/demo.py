# SPDX-License-Identifier: Apache-2.0
"""A city without registers is not an empty screen: packs invent some things, seeded and marked as simulated, or bring true ones.

Only while a register has no load at all: what a city states itself is never mixed with what is invented.
"""

from __future__ import annotations

import datetime as dt
import logging
import random

from django.utils import timezone

from chengyun.access.actors import SYSTEM
from chengyun.city import City, Stated, qualify
from chengyun.collect.simulate import simulated_areas
from chengyun.config import Config
from chengyun.share.registers.models import Load
from chengyun.share.registers.services import begin_load, take

__all__ = ["FEED", "SHIPPED", "fill"]

FEED, SHIPPED = "模拟", "软件自带"
"""What stands as the feed of such a load: invented, or true and brought by the pack."""
BATCH = 1_000
EPOCH = dt.date(2026, 1, 1)
"""The day what is invented is seen from: the same things whenever a city starts."""

log = logging.getLogger(__name__)


def fill(config: Config, city: City) -> int:
    """Fill the registers of packs that have been told nothing; return how many statements were made."""
    known = set(Load.objects.order_by().values_list("dataset", flat=True).distinct())
    made = 0
    for key, pack in city.packs.items():
        registers = [qualify(key, entity.key) for entity in pack.pack.entities if entity.authorities]
        wanted = [one for one in pack.pack.synthetic if config.demo_people or not one.simulated]
        if not wanted or known & set(registers):
            continue
        invented = any(one.simulated for one in wanted)
        areas = simulated_areas(int(config.city)) if invented else []
        if invented and not areas:
            continue
        for number, synthetic in enumerate(wanted):
            chance = random.Random(f"{config.city} {key} {number}")  # noqa: S311  an invention, not a secret
            by_register: dict[str, list[Stated]] = {}
            for one in synthetic.make(areas, chance, EPOCH):
                by_register.setdefault(qualify(key, one.entity), []).append(one)
            for dataset, stated in by_register.items():
                made += _take(dataset, synthetic.authority, stated, synthetic.simulated)
        log.info("%s: registers filled with what is simulated", key)
    return made


def _take(dataset: str, authority: str, stated: list[Stated], simulated: bool) -> int:
    feed = FEED if simulated else SHIPPED
    load = begin_load(SYSTEM, dataset, feed, authority, feed, now=timezone.now())
    return sum(take(load, stated[at : at + BATCH], simulated=simulated).stated for at in range(0, len(stated), BATCH))
