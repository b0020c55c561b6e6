# SPDX-License-Identifier: Apache-2.0
"""Timetables in GTFS Schedule, read out of their zip, and what a trip comes to: stops, times, length.

A time of day counts from noon less twelve hours of the service day and goes past 24:00:00 for a trip that runs over midnight.
Standard: GTFS Schedule reference (2024-11), stops.txt to shapes.txt; calendar.txt and calendar_dates.txt together say the days.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

__all__ = [
    "Timetable", "Trip", "day_of", "day_seconds", "distance_km", "member_of", "open_archive", "read_rows", "read_timetable",
    "service_days",
]  # fmt: skip

MOST_BYTES = 2 * 2**30
MOST_RATIO = 300
SMALL = 10 * 2**20
LONGEST_FIELD = 100_000
"""Characters; what is longer is no name but the rest of a file after a quote that does not end."""
LEAST_HEADWAY_S = 20
"""Below it a vehicle would follow another sooner than it can stop: a mistake, or made to fill memory."""
MOST_DEPARTURES = 1_000_000
"""Of trips that frequencies.txt repeats, in all: a few lines of it can ask for billions."""
EARTH_KM = 6371.0088
"""Mean radius (IUGG). Lengths along a shape are within 0.3 % of the ellipsoid's."""

Row = Mapping[str, str]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Trip:
    """One run of a vehicle along a route. start, end: seconds of its service day. km: along its shape; None: it has none.

    A trip that frequencies.txt repeats is one such run for each time it sets off, all under one id.
    """

    id: str
    route: str
    service: str
    direction: str
    stops: int
    start: int
    end: int
    first_stop: str
    last_stop: str
    km: float | None

    @property
    def hours(self) -> float:
        return (self.end - self.start) / 3600


@dataclass(frozen=True, slots=True)
class Timetable:
    """A timetable. days: service → the days it runs. faults: rows that could not be read, each a sentence with file and line."""

    zone: str
    stops: tuple[Row, ...]
    routes: tuple[Row, ...]
    trips: tuple[Trip, ...]
    days: Mapping[str, frozenset[dt.date]]
    faults: tuple[str, ...]


def day_seconds(text: str) -> int:
    """Return the seconds of a time of day such as 25:10:00. Raises ValueError."""
    parts = text.strip().split(":")
    if len(parts) != 3 or not all(it.isdecimal() for it in parts) or int(parts[1]) > 59 or int(parts[2]) > 59:
        raise ValueError(f"{text[:20]!r} is not a time such as 08:05:00")
    return int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2])


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Open the zip of a timetable. Raises ValueError for one that is broken or would not end."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as wrong:
        raise ValueError(f"it is not a whole zip: {wrong}") from wrong
    for member in archive.infolist():
        if member.file_size > SMALL and member.file_size > MOST_RATIO * max(1, member.compress_size):
            raise ValueError(f"{member.filename[:80]} in it is packed more than {MOST_RATIO} to 1; it looks made to fill a disk")
    if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
    return archive


def member_of(archive: zipfile.ZipFile, name: str) -> str | None:
    """Return the member that is a file of the timetable, in a folder or not; None when it is not there."""
    return next((it for it in archive.namelist() if it.rpartition("/")[2] == name and not it.startswith("__MACOSX")), None)


def read_rows(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[int, Row]]:
    """Yield the rows of one file with their lines; none when the timetable does not have it.

    Raises csv.Error where a quote does not end.
    """
    member = member_of(archive, name)
    if member is None:
        return
    with archive.open(member) as opened:
        rows = csv.reader(io.TextIOWrapper(opened, "utf-8-sig", errors="replace", newline=""))
        header = [it.strip() for it in next(rows, [])]
        for row in rows:
            if any(len(it) > LONGEST_FIELD for it in row):
                raise csv.Error(f"before line {rows.line_num} of {name} a quote is not closed")
            if row and any(row):
                yield rows.line_num, dict(zip(header, (it.strip() for it in row), strict=False))


def service_days(calendar: Sequence[Row], exceptions: Sequence[Row]) -> dict[str, frozenset[dt.date]]:
    """Return the days on which each service runs. Raises ValueError for a day that is none."""
    days: dict[str, set[dt.date]] = defaultdict(set)
    week = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    for row in calendar:
        first, last = day_of(row["start_date"]), day_of(row["end_date"])
        if (last - first).days > 3660:
            raise ValueError(f"service {row['service_id'][:40]} runs from {first} to {last}, more than ten years")
        for number in range((last - first).days + 1):
            day = first + dt.timedelta(days=number)
            if row[week[day.weekday()]] == "1":
                days[row["service_id"]].add(day)
    for row in exceptions:
        if row["exception_type"] == "1":
            days[row["service_id"]].add(day_of(row["date"]))
        else:
            days[row["service_id"]].discard(day_of(row["date"]))
    return {service: frozenset(it) for service, it in days.items()}


def day_of(text: str) -> dt.date:
    """Return the day that 20140526 writes. Raises ValueError."""
    if len(text) != 8 or not text.isdecimal():
        raise ValueError(f"{text[:20]!r} is not a day such as 20140526")
    return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))


def read_timetable(file: BinaryIO) -> Timetable:
    """Return a timetable whole. Raises ValueError with a sentence for a zip that is none."""
    with open_archive(file) as archive:
        for name in ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt"):
            if member_of(archive, name) is None:
                raise ValueError(f"it has no {name}, which every timetable has")
        faults: list[str] = []
        try:
            calendar = [row for _line, row in read_rows(archive, "calendar.txt")]
            exceptions = [row for _line, row in read_rows(archive, "calendar_dates.txt")]
            days = service_days(calendar, exceptions)
            services = {row["service_id"] for row in (*calendar, *exceptions)}
            stops = tuple(_once(archive, "stops.txt", "stop_id", faults))
            routes = tuple(_once(archive, "routes.txt", "route_id", faults))
            lengths = _lengths(archive, faults)
            ends = _ends(archive, {row["stop_id"] for row in stops}, faults)
            known = _Known({row["route_id"] for row in routes}, services, _departures(archive, faults))
            trips = tuple(_trips(archive, ends, lengths, known, faults))
            zone = next((row.get("agency_timezone", "") for _line, row in read_rows(archive, "agency.txt")), "") or "UTC"
        except KeyError as missing:
            raise ValueError(f"it has no column {missing}, which the reference requires") from missing
        except (csv.Error, zipfile.BadZipFile, EOFError) as wrong:
            raise ValueError(f"it is broken: {wrong}") from wrong
    return Timetable(zone, stops, routes, trips, days, tuple(faults))


@dataclass(slots=True)
class _Ends:
    """What the stop times of one trip come to. first, last: (place in the order, stop, seconds)."""

    count: int
    first: tuple[int, str, int]
    last: tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a trip refers to. departures: trip → the seconds of the day it sets off at, where frequencies.txt repeats it."""

    routes: set[str]
    services: set[str]
    departures: Mapping[str, Sequence[int]]


def _once(archive: zipfile.ZipFile, name: str, key: str, faults: list[str]) -> Iterator[Row]:
    """Yield the rows of a file without those whose key an earlier one has."""
    seen: set[str] = set()
    for line, row in read_rows(archive, name):
        if row[key] in seen:
            faults.append(f"{name}, line {line}: {key} {row[key][:60]!r} stands there twice; the first one counts")
        else:
            seen.add(row[key])
            yield row


def _departures(archive: zipfile.ZipFile, faults: list[str]) -> dict[str, list[int]]:
    """Return when each trip of frequencies.txt sets off, in seconds of its service day. Raises ValueError for too many."""
    departures: dict[str, list[int]] = defaultdict(list)
    count = 0
    for line, row in read_rows(archive, "frequencies.txt"):
        try:
            first, end, headway = day_seconds(row["start_time"]), day_seconds(row["end_time"]), int(row["headway_secs"])
            if headway < LEAST_HEADWAY_S or not first < end <= first + 2 * 86_400:
                raise ValueError(f"from {row['start_time']} to {row['end_time']} every {headway} s is no frequency")
        except ValueError as wrong:
            faults.append(f"frequencies.txt, line {line}: {wrong}")
            continue
        times = range(first, end, headway)
        count += len(times)
        if count > MOST_DEPARTURES:
            raise ValueError(f"frequencies.txt, line {line}: its trips set off more than {MOST_DEPARTURES:,} times by then")
        departures[row["trip_id"]].extend(times)
    return departures


def _ends(archive: zipfile.ZipFile, stops: set[str], faults: list[str]) -> dict[str, _Ends]:
    ends: dict[str, _Ends] = {}
    for line, row in read_rows(archive, "stop_times.txt"):
        trip, stop = row["trip_id"], row["stop_id"]
        try:
            place = int(row["stop_sequence"])
            # A stop between timed ones may have no time; it counts all the same.
            leaves = day_seconds(row["departure_time"]) if row.get("departure_time") else None
            arrives = day_seconds(row["arrival_time"]) if row.get("arrival_time") else leaves
            if stop not in stops:
                raise ValueError(f"there is no stop {stop[:60]!r} in stops.txt")
            if leaves is not None and arrives is not None and leaves < arrives:
                raise ValueError(f"it leaves at {row['departure_time']}, before it arrives at {row['arrival_time']}")
        except (ValueError, TypeError) as wrong:
            faults.append(f"stop_times.txt, line {line}: {wrong}")
            continue
        known = ends.get(trip)
        if known is None:
            if leaves is not None and arrives is not None:
                ends[trip] = _Ends(1, (place, stop, leaves), (place, stop, arrives))
            continue
        known.count += 1
        if leaves is not None and place < known.first[0]:
            known.first = (place, stop, leaves)
        if arrives is not None and place > known.last[0]:
            known.last = (place, stop, arrives)
    return ends


def _trips(
    archive: zipfile.ZipFile, ends: Mapping[str, _Ends], km: Mapping[str, float], known: _Known, faults: list[str]
) -> Iterator[Trip]:
    seen: set[str] = set()
    for line, row in read_rows(archive, "trips.txt"):
        trip, found = row["trip_id"], ends.get(row["trip_id"])
        wrong = (
            "stands there twice; the first one counts" if trip in seen
            else "has no stop times" if found is None
            else f"is of route {row['route_id'][:60]!r}, which is not in routes.txt" if row["route_id"] not in known.routes
            else f"runs on days {row['service_id'][:60]!r}, which no calendar has" if row["service_id"] not in known.services
            else "ends before it begins" if found.last[2] < found.first[2]
            else ""
        )  # fmt: skip
        seen.add(trip)
        if wrong or found is None:
            faults.append(f"trips.txt, line {line}: trip {trip[:60]!r} {wrong}")
            continue
        lasts = found.last[2] - found.first[2]
        for start in known.departures.get(trip, (found.first[2],)):
            yield Trip(
                id=trip, route=row["route_id"], service=row["service_id"], direction=row.get("direction_id", ""),
                stops=found.count, start=start, end=start + lasts, first_stop=found.first[1], last_stop=found.last[1],
                km=km.get(row.get("shape_id", "")),
            )  # fmt: skip


def _lengths(archive: zipfile.ZipFile, faults: list[str]) -> dict[str, float]:
    """Return the length of every shape in km."""
    points: dict[str, list[tuple[int, Point]]] = defaultdict(list)
    for line, row in read_rows(archive, "shapes.txt"):
        try:
            at = (float(row["shape_pt_lon"]), float(row["shape_pt_lat"]))
            points[row["shape_id"]].append((int(row["shape_pt_sequence"]), at))
        except ValueError:
            faults.append(f"shapes.txt, line {line}: a point is not numbers")
    lengths = {}
    for shape, placed in points.items():
        placed.sort()
        lengths[shape] = sum(distance_km(one, other) for (_a, one), (_b, other) in pairwise(placed))
    return lengths


def distance_km(one: Point, other: Point) -> float:
    """Return the way between two points (longitude, latitude) over the sphere."""
    (lon1, lat1), (lon2, lat2) = ((math.radians(x), math.radians(y)) for x, y in (one, other))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))
