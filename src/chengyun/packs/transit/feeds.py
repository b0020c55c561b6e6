# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: a timetable in GTFS, and the messages of GTFS-Realtime.

A service day is named by its noon in the timetable's own zone, as GTFS counts its times from noon: so it is the same date
wherever the city's clocks are within twelve hours of the timetable's.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.standards import gtfs, gtfs_realtime
from chengyun.standards.lines import real

MODES = {
    "0": "有轨电车",
    "1": "地铁",
    "2": "铁路",
    "3": "公共汽车",
    "4": "轮渡",
    "5": "缆车",
    "6": "索道",
    "7": "缆索铁路",
    "11": "无轨电车",
    "12": "单轨",
}
"""GTFS Schedule reference, routes.txt, route_type."""
LONGEST_KEY = 64


def key_of(text: str) -> str:
    """Return a key for a register: as written, or where that is too long its beginning and a digest of the whole."""
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[:47]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def read_timetable(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read a timetable: it registers stops and routes, and observes each route's plan for each day it runs."""
    try:
        table = gtfs.read_timetable(file)
        zone = ZoneInfo(table.zone)
    except ZoneInfoNotFoundError as wrong:
        yield Malformed(f"{name}, agency.txt: {wrong}, expected a zone such as Asia/Shanghai.", file=name)
        return
    except ValueError as wrong:
        yield Malformed(f"{name} cannot be read: {wrong}.", file=name)
        return
    for fault in table.faults:
        yield Malformed(f"{name}, {fault}.", file=name)
    for stop in table.stops:
        yield _stop(stop, name)
    for route in table.routes:
        title = " ".join(filter(None, (route.get("route_short_name"), route.get("route_long_name")))) or route["route_id"]
        values = {"name": title[:200], "mode": MODES.get(route.get("route_type", ""), "")}
        yield Registered("route", key_of(route["route_id"]), values)
    yield from _days(table, zone)


def _stop(stop: gtfs.Row, name: str) -> Row:
    key = key_of(stop["stop_id"])
    try:
        place = {
            "lon": real(stop.get("stop_lon", ""), "stop_lon", -180, 180),
            "lat": real(stop.get("stop_lat", ""), "stop_lat", -90, 90),
        }
    except ValueError as wrong:
        return Malformed(f"{name}, stops.txt, stop {key}: {wrong}.", file=name)
    return Registered("stop", key, {"name": (stop.get("stop_name") or key)[:200], **place})


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the trips of a route come to that run on the same days. km: None where that of one is not known."""

    trips: int
    stop_visits: int
    seconds: int
    km: float | None
    first: int
    last: int


def _plan(trips: Sequence[gtfs.Trip]) -> _Plan:
    lengths = [trip.km for trip in trips]
    return _Plan(
        len(trips), sum(trip.stops for trip in trips), sum(trip.end - trip.start for trip in trips), _whole(lengths),
        min(trip.start for trip in trips), max(trip.end for trip in trips),
    )  # fmt: skip


def _whole(lengths: Sequence[float | None]) -> float | None:
    """Return their sum: the length of a day is not known when that of one trip is not."""
    return None if None in lengths else sum(filter(None, lengths))


def _days(table: gtfs.Timetable, zone: ZoneInfo) -> Iterator[Observation]:
    by_service: dict[tuple[str, str], list[gtfs.Trip]] = defaultdict(list)
    for trip in table.trips:
        by_service[trip.route, trip.service].append(trip)
    # Summed before they are laid out by day: years of days hold as many trips as memory has no room for.
    plans: dict[tuple[str, dt.date], list[_Plan]] = defaultdict(list)
    for (route, service), trips in by_service.items():
        plan = _plan(trips)
        for day in table.days.get(service, ()):
            plans[route, day].append(plan)
    for (route, day), parts in sorted(plans.items(), key=lambda it: (it[0][1], it[0][0])):
        yield Observation(
            {
                "route": key_of(route),
                "noon": dt.datetime.combine(day, dt.time(12), tzinfo=zone),
                "trips": sum(one.trips for one in parts),
                "stop_visits": sum(one.stop_visits for one in parts),
                "hours": sum(one.seconds for one in parts) / 3600,
                "km": _whole([one.km for one in parts]),
                "first": min(one.first for one in parts),
                "last": max(one.last for one in parts),
            }
        )


def read_positions(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read where vehicles are; trip updates in the same message are left to the other feed."""
    for number, one in enumerate(_message(file, name), 1):
        if isinstance(one, Malformed):
            yield one
        elif isinstance(one, gtfs_realtime.VehiclePosition):
            key = key_of(one.vehicle)
            yield Registered("vehicle", key, {})
            values = {
                "vehicle": key, "observed_at": one.at, "lon": one.lon, "lat": one.lat, "speed": one.speed, "bearing": one.bearing,
                "route": one.route[:100] or None, "trip": one.trip[:100] or None,
            }  # fmt: skip
            yield Observation(values, line=number)


def read_delays(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read how late trips run; positions in the same message are left to the other feed."""
    for number, one in enumerate(_message(file, name), 1):
        if isinstance(one, Malformed):
            yield one
        elif isinstance(one, gtfs_realtime.TripUpdate):
            key = key_of(one.trip or one.route)
            yield Registered("trip", key, {})
            values = {
                "trip": key, "observed_at": one.at, "delay": one.delay, "stops": one.stops, "route": one.route[:100] or None,
                "vehicle": one.vehicle[:100] or None,
            }  # fmt: skip
            yield Observation(values, line=number)


def _message(file: BinaryIO, name: str) -> Iterator[gtfs_realtime.VehiclePosition | gtfs_realtime.TripUpdate | Malformed]:
    try:
        for one in gtfs_realtime.read_message(file.read(gtfs_realtime.MOST_BYTES + 1)):
            yield Malformed(f"{name}, {one}.", file=name) if isinstance(one, str) else one
    except ValueError as wrong:
        yield Malformed(f"{name} cannot be read: {wrong}.", file=name)


TIMETABLE = Feed("timetable", "时刻表（GTFS）", stream="route_day", read=read_timetable)
POSITIONS = Feed("positions", "车辆位置（GTFS-Realtime）", stream="vehicle_position", read=read_positions)
DELAYS = Feed("delays", "班次晚点（GTFS-Realtime）", stream="trip_delay", read=read_delays)

FEEDS = (TIMETABLE, POSITIONS, DELAYS)
