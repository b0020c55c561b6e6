# SPDX-License-Identifier: Apache-2.0
"""What the housing department tells of a made-up city's buildings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from chengyun.city import House, Stated, Telling

FLOOR_M2 = 420.0


def registered(houses: Sequence[House], today: dt.date) -> Iterator[Stated]:  # noqa: ARG001  a building stays
    """Yield buildings."""
    for house in houses:
        yield Stated("building", house.key, {
            "name": house.name, "use": "housing", "floors": house.floors,
            "structure": "mixed" if house.built < 2000 else "concrete", "built": house.built,
            "floor_area": house.floors * FLOOR_M2, "address": f"宁波市{house.address}", "area_code": house.area_code,
            "lon": house.lon, "lat": house.lat,
        }, dt.date(house.built, 7, 1))  # fmt: skip


TELLINGS = (Telling("housing", "house", registered),)
