# SPDX-License-Identifier: Apache-2.0
"""Where vehicles are and how late trips run, in GTFS-Realtime: one message of protocol buffers to values.

Standard: GTFS-Realtime 2.0. Positions are WGS-84. A vehicle's own time is used where it gives one, else the message's.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["TripUpdate", "VehiclePosition", "read_message"]

MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class VehiclePosition:
    """Where a vehicle was. speed in m/s, bearing in degrees from north. None and "": not said."""

    vehicle: str
    at: dt.datetime
    lon: float
    lat: float
    speed: float | None
    bearing: float | None
    trip: str
    route: str
    stop: str


@dataclass(frozen=True, slots=True)
class TripUpdate:
    """How a trip runs. delay in seconds at its next stop that says one; None: it says none, or only absolute times."""

    trip: str
    route: str
    start_day: str
    vehicle: str
    at: dt.datetime
    delay: int | None
    stops: int
    cancelled: bool


def read_message(data: bytes) -> Iterator[VehiclePosition | TripUpdate | str]:
    """Yield what a message says; a sentence for each entity that cannot be used. Raises ValueError for what is no message.

    A bare entity without its message, as some tools save one, is read too.
    """
    from google.protobuf.message import DecodeError  # the extra `files`, which most of the city does without
    from google.transit import gtfs_realtime_pb2 as realtime

    if len(data) > MOST_BYTES:
        raise ValueError(f"it has {len(data):,} bytes, expected at most {MOST_BYTES:,}")
    message = realtime.FeedMessage()
    try:
        message.ParseFromString(data)
    except DecodeError as wrong:
        raise ValueError(f"it is not a GTFS-Realtime message: {wrong}") from wrong
    if not message.IsInitialized() or not message.header.gtfs_realtime_version:
        raise ValueError("it has no header of a GTFS-Realtime message")
    made = _instant(message.header.timestamp)
    for entity in message.entity:
        if entity.is_deleted:
            continue
        if entity.HasField("vehicle"):
            yield _position(entity.vehicle, entity.id, made)
        if entity.HasField("trip_update"):
            yield _update(entity.trip_update, entity.id, made)


def _position(said: Any, entity: str, made: dt.datetime | None) -> VehiclePosition | str:
    at = _instant(said.timestamp) or made
    if not said.HasField("position") or at is None:
        return f"entity {entity[:40]!r}: found no {'time' if said.HasField('position') else 'position'}, expected one"
    place = said.position
    if not (-180 <= place.longitude <= 180 and -90 <= place.latitude <= 90) or (place.longitude == 0 and place.latitude == 0):
        return f"entity {entity[:40]!r}: found the place {place.longitude:g}, {place.latitude:g}, expected degrees"
    return VehiclePosition(
        vehicle=said.vehicle.id or said.vehicle.label or entity,
        at=at,
        lon=_short(place.longitude),
        lat=_short(place.latitude),
        speed=float(place.speed) if place.HasField("speed") else None,
        bearing=float(place.bearing) if place.HasField("bearing") else None,
        trip=said.trip.trip_id,
        route=said.trip.route_id,
        stop=said.stop_id,
    )


def _update(said: Any, entity: str, made: dt.datetime | None) -> TripUpdate | str:
    at = _instant(said.timestamp) or made
    if at is None or not (said.trip.trip_id or said.trip.route_id):
        return f"entity {entity[:40]!r}: found no {'trip' if at else 'time'}, expected one"
    return TripUpdate(
        trip=said.trip.trip_id,
        route=said.trip.route_id,
        start_day=said.trip.start_date,
        vehicle=said.vehicle.id,
        at=at,
        delay=_delay(said),
        stops=len(said.stop_time_update),
        cancelled=said.trip.schedule_relationship == said.trip.CANCELED,
    )


def _delay(said: Any) -> int | None:
    for stop in said.stop_time_update:
        for event in (stop.arrival, stop.departure):
            if event.HasField("delay"):
                return int(event.delay)
    return int(said.delay) if said.HasField("delay") else None


def _instant(seconds: int) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if 0 < seconds < 4_102_444_800 else None


def _short(degrees: float) -> float:
    """Return degrees as they were before they became a 32-bit float: six decimals are a tenth of a metre."""
    return round(degrees, 6) if math.isfinite(degrees) else degrees
