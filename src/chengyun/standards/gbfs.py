# SPDX-License-Identifier: Apache-2.0
"""Shared bicycles and scooters in the General Bikeshare Feed Specification, versions 1 to 3, in one shape.

Version 3 renamed what earlier ones called bikes to vehicles, gives names in several languages, and writes times as text.
Standard: GBFS 1.1, 2.3 and 3.0, station_information.json, station_status.json and free_bike_status.json (vehicle_status.json).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Station", "Status", "Vehicle", "read_gbfs"]

MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Station:
    """Where bikes stand. capacity: docks installed; None: not said."""

    id: str
    name: str
    lon: float | None
    lat: float | None
    capacity: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """What a station holds. at: when the feed was made. reported: when the station itself last said so. None: not said."""

    id: str
    at: dt.datetime
    reported: dt.datetime | None
    bikes: int | None
    ebikes: int | None
    docks: int | None
    bikes_disabled: int | None
    docks_disabled: int | None
    working: bool | None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle that stands free."""

    id: str
    at: dt.datetime
    lon: float | None
    lat: float | None
    reserved: bool
    disabled: bool


def read_gbfs(data: bytes) -> Iterator[Station | Status | Vehicle | str]:
    """Yield what one file of a feed holds; a sentence for each entry that cannot be read. Raises ValueError for another file."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has {len(data):,} bytes, expected at most {MOST_BYTES:,}")
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"it is not JSON: {wrong}") from wrong
    body = tree.get("data") if isinstance(tree, dict) else None
    if not isinstance(body, dict):
        raise ValueError("it has no object `data`, as every file of a bikeshare feed does")
    at = _instant(tree.get("last_updated"))
    vehicles = body.get("vehicles", body.get("bikes"))
    if isinstance(stations := body.get("stations"), list):
        for index, entry in enumerate(stations):
            yield from _entry(entry, f"data/stations[{index}]", at)
    elif isinstance(vehicles, list):
        for index, entry in enumerate(vehicles):
            yield from _vehicle(entry, f"data/vehicles[{index}]", at)
    else:
        raise ValueError(f"it holds neither stations nor vehicles, but {', '.join(map(str, body))[:100] or 'nothing'}")


def _entry(entry: Any, path: str, at: dt.datetime | None) -> Iterator[Station | Status | str]:
    if not isinstance(entry, dict) or not entry.get("station_id"):
        yield f"{path}: found no station_id, expected one"
        return
    key = str(entry["station_id"])
    if "lat" in entry or "name" in entry:
        lon, lat = _number(entry.get("lon")), _number(entry.get("lat"))
        if lon is not None and lat is not None and not (-180 <= lon <= 180 and -90 <= lat <= 90):
            yield f"{path}: found the place {lon:g}, {lat:g}, expected degrees"
            lon = lat = None
        yield Station(key, _name(entry.get("name")) or key, lon, lat, _whole(entry.get("capacity")))
    if "num_docks_available" in entry or "num_bikes_available" in entry or "num_vehicles_available" in entry:
        if at is None:
            yield f"{path}: found no last_updated in the file, expected the time its figures are of"
            return
        flags = [entry.get(name) for name in ("is_installed", "is_renting", "is_returning")]
        yield Status(
            id=key,
            at=at,
            reported=_instant(entry.get("last_reported")),
            bikes=_whole(entry.get("num_vehicles_available", entry.get("num_bikes_available"))),
            ebikes=_whole(entry.get("num_ebikes_available")),
            docks=_whole(entry.get("num_docks_available")),
            bikes_disabled=_whole(entry.get("num_vehicles_disabled", entry.get("num_bikes_disabled"))),
            docks_disabled=_whole(entry.get("num_docks_disabled")),
            working=all(flags) if None not in flags else None,
        )


def _vehicle(entry: Any, path: str, at: dt.datetime | None) -> Iterator[Vehicle | str]:
    key = entry.get("vehicle_id", entry.get("bike_id")) if isinstance(entry, dict) else None
    if not key or at is None:
        yield f"{path}: found no {'time in the file' if key else 'vehicle_id'}, expected one"
        return
    lon, lat = _number(entry.get("lon")), _number(entry.get("lat"))
    yield Vehicle(str(key), at, lon, lat, bool(entry.get("is_reserved")), bool(entry.get("is_disabled")))


def _name(said: Any) -> str:
    """Return a name: text until version 2, a list of texts by language from version 3 on; Chinese before any other."""
    if isinstance(said, list):
        texts = {str(it.get("language", "")): str(it.get("text", "")) for it in said if isinstance(it, Mapping)}
        return next((text for language, text in texts.items() if language.startswith("zh")), next(iter(texts.values()), ""))
    return str(said).strip() if said is not None else ""


def _instant(said: Any) -> dt.datetime | None:
    """Return a time: seconds since 1970 until version 2, RFC 3339 from version 3 on."""
    try:
        if isinstance(said, int | float) and not isinstance(said, bool):
            return dt.datetime.fromtimestamp(said, dt.UTC) if said > 0 else None
        if isinstance(said, str) and said:
            instant = dt.datetime.fromisoformat(said)
            return instant.astimezone(dt.UTC) if instant.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _number(said: Any) -> float | None:
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None


def _whole(said: Any) -> int | None:
    return int(said) if isinstance(said, int) and not isinstance(said, bool) else None
