# SPDX-License-Identifier: Apache-2.0
"""Short distances on the ground. Pure."""

from __future__ import annotations

import math

__all__ = ["EARTH_M", "distance_m"]

EARTH_M = 6_371_008.8
"""Mean radius, IUGG."""


def distance_m(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Return the great-circle distance between two places in WGS-84, in metres."""
    one, other = math.radians(lat), math.radians(to_lat)
    half = math.sin((other - one) / 2) ** 2
    half += math.cos(one) * math.cos(other) * math.sin(math.radians(to_lon - lon) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))
