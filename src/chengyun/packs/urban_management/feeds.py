# SPDX-License-Identifier: Apache-2.0
"""Files in, statements out: outlines of schools, hospitals and commercial areas, as collected from OpenStreetMap.

A reference layer: cases are not about these, but that one lies beside a school matters. The file is JSON with `features`, each
with `name`, `polylines` (rings of [lon, lat], WGS-84) and `centroid`; what a file holds stands in its name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

from chengyun.city import Authority, Malformed, RegisterFeed, Stated

KINDS = {"school": "学校", "hospital": "医院", "cbd": "商业区"}

OSM = Authority("openstreetmap", "OpenStreetMap")


def read_facilities(file: BinaryIO, name: str) -> Iterator[Stated | Malformed]:
    """Read a file of outlines; a feature without a place is told, one without a name goes by its kind."""
    kind = next((key for key in KINDS if key in name.lower()), None)
    if kind is None:
        yield Malformed(f"{name}: its name holds none of {', '.join(KINDS)}, which says what is in it.", file=name)
        return
    try:
        features: list[dict[str, Any]] = json.load(file)["features"]
    except (ValueError, KeyError, TypeError) as wrong:
        yield Malformed(f"{name} is not JSON with a list of features: {wrong!r}.", file=name)
        return
    seen: set[str] = set()
    for number, one in enumerate(features, 1):
        try:
            lon, lat = (float(part) for part in one["centroid"])
            if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
                raise ValueError("the centroid is not in degrees")
        except (KeyError, TypeError, ValueError) as wrong:
            yield Malformed(f"{name}, features[{number - 1}] has no centroid of [lon, lat]: {wrong!r}.", file=name)
            continue
        called = str(one.get("name") or "").strip()[:200]
        values = {"name": called or KINDS[kind], "kind": kind, "lon": round(lon, 7), "lat": round(lat, 7)}
        key = _key(kind, called, lon, lat)
        if key not in seen:  # the same outline comes twice where two tags fit it
            seen.add(key)
            yield Stated("facility", key, values, line=number)


def _key(kind: str, name: str, lon: float, lat: float) -> str:
    """Return a key that the same place under the same name has in every edition of the file."""
    known = f"{name}|{lon:.6f}|{lat:.6f}"
    return f"{kind}-{hashlib.sha256(known.encode()).hexdigest()[:16]}"


FACILITIES = RegisterFeed(
    "facilities", "学校、医院与商业区（OpenStreetMap）", entity="facility", authority="openstreetmap", read=read_facilities
)
