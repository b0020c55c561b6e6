# SPDX-License-Identifier: Apache-2.0
"""Buildings that do not exist, on a road that does not exist either, at points of real districts.

A building's key is its district and a number; what is simulated of people and firms lives in them by that.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence

from chengyun.city import SimulatedArea, Stated, Synthetic
from chengyun.standards.addresses import parse

BUILDINGS = 12
ROOMS = ("101", "102", "201", "202", "301", "302", "401", "402", "501", "502")


def registered(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield buildings as the housing department would have them."""
    for area in areas:
        for number, (lon, lat) in enumerate(area.points[:BUILDINGS], 1):
            year = chance.randrange(1978, today.year)
            yield Stated("building", f"{area.code}-{number:03d}", {
                "name": f"模拟路{number}号1幢", "use": chance.choice(["housing", "housing", "housing", "mixed"]), "floors": 5,
                "structure": "mixed" if year < 2000 else "concrete", "built": year, "floor_area": 1100.0 + number * 10,
                "address": f"宁波市{area.name}模拟路{number}号1幢", "area_code": area.code, "lon": lon, "lat": lat,
            }, dt.date(year, 7, 1))  # fmt: skip


def addressed(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:  # noqa: ARG001
    """Yield the standard address of every building and, of one in four, of its rooms."""
    for area in areas:
        for number, (lon, lat) in enumerate(area.points[:BUILDINGS], 1):
            base = f"浙江省宁波市{area.name}模拟路{number}号1幢"
            rooms = [f"1单元{room}室" for room in ROOMS] if number % 4 == 1 else []
            for at, end in enumerate(["", *rooms]):
                text = base + end
                yield Stated("address", f"A{area.code}{number:03d}{at:03d}", {
                    **parse(text).named(), "name": text, "building": f"{area.code}-{number:03d}", "area_code": area.code,
                    "lon": lon, "lat": lat,
                })  # fmt: skip


SYNTHETIC = (Synthetic("housing", registered), Synthetic("place_names", addressed))
