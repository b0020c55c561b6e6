# SPDX-License-Identifier: Apache-2.0
"""Timetables, vehicles under way and shared bikes as tables: GTFS, GTFS-Realtime, GBFS."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from chengyun.collect.pull.formats.archives import open_zip
from chengyun.collect.pull.formats.options import Options
from chengyun.collect.pull.formats.records import table_of
from chengyun.collect.pull.formats.tables import LINE, Column, Fault, Table
from chengyun.errors import Malformed
from chengyun.standards import gbfs, gtfs, gtfs_realtime

__all__ = ["read_gbfs", "read_realtime", "read_timetable"]

_Field = tuple[Column, Callable[[str], Any]]


def _field(name: str, kind: str = "text", unit: str = "") -> _Field:
    makers: dict[str, Callable[[str], Any]] = {"text": str, "integer": int, "number": float, "day": gtfs.day_of}
    return Column(name, kind, unit), makers[kind]  # type: ignore[arg-type]  # one of its words


TIMETABLE: Mapping[str, tuple[_Field, ...]] = {
    "stops.txt": (_field("stop_id"), _field("stop_name"), _field("stop_lon", "number", "°"), _field("stop_lat", "number", "°")),
    "routes.txt": (_field("route_id"), _field("route_short_name"), _field("route_long_name"), _field("route_type", "integer")),
    "trips.txt": (_field("trip_id"), _field("route_id"), _field("service_id"), _field("direction_id"), _field("shape_id")),
    "stop_times.txt": (
        _field("trip_id"), _field("stop_id"), _field("stop_sequence", "integer"), _field("arrival_time"),
        _field("departure_time"),
    ),
    "calendar_dates.txt": (_field("service_id"), _field("date", "day"), _field("exception_type", "integer")),
    "shapes.txt": (
        _field("shape_id"), _field("shape_pt_sequence", "integer"), _field("shape_pt_lon", "number", "°"),
        _field("shape_pt_lat", "number", "°"),
    ),
}  # fmt: skip
"""The files of a timetable that are given as tables, with the columns read."""


def read_timetable(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield a table for each file of a timetable that is there."""
    with open_zip(file, name, options.most_bytes) as archive:
        for part, fields in TIMETABLE.items():
            if gtfs.member_of(archive, part) is not None:
                columns = [column for column, _make in fields]
                records = _rows(archive, part, fields)
                yield table_of(part, columns, records, rows=options.rows, most_faults=options.most_faults)


def _rows(archive: zipfile.ZipFile, part: str, fields: tuple[_Field, ...]) -> Iterator[Mapping[str, Any] | Fault]:
    for line, row in gtfs.read_rows(archive, part):
        record: dict[str, Any] = {LINE: line}
        for column, make in fields:
            text = row.get(column.name, "")
            try:
                record[column.name] = make(text) if text else None
            except ValueError:
                record[column.name] = None
                yield Fault(column.kind, part, line, column.name, f"line {line}", repr(text[:40]), f"a {column.kind}")
        yield record


POSITION = (
    Column("vehicle", "text"), Column("at", "moment"), Column("lon", "number", "°"), Column("lat", "number", "°"),
    Column("speed", "number", "m/s"), Column("bearing", "number", "°"), Column("trip", "text"), Column("route", "text"),
    Column("stop", "text"),
)  # fmt: skip
UPDATE = (
    Column("trip", "text"), Column("route", "text"), Column("start_day", "text"), Column("vehicle", "text"),
    Column("at", "moment"), Column("delay", "integer", "s"), Column("stops", "integer"), Column("cancelled", "flag"),
)  # fmt: skip


def read_realtime(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield the vehicles and the trips of a message; a table without rows is left out."""
    yield from _by_kind(
        file, name, options, gtfs_realtime.read_message,
        {gtfs_realtime.VehiclePosition: ("vehicles", POSITION), gtfs_realtime.TripUpdate: ("trips", UPDATE)},
    )  # fmt: skip


STATION = (
    Column("id", "text"), Column("name", "text"), Column("lon", "number", "°"), Column("lat", "number", "°"),
    Column("capacity", "integer"),
)  # fmt: skip
STATUS = (
    Column("id", "text"), Column("at", "moment"), Column("reported", "moment"), Column("bikes", "integer"),
    Column("ebikes", "integer"), Column("docks", "integer"), Column("bikes_disabled", "integer"),
    Column("docks_disabled", "integer"), Column("working", "flag"),
)  # fmt: skip
VEHICLE = (
    Column("id", "text"), Column("at", "moment"), Column("lon", "number", "°"), Column("lat", "number", "°"),
    Column("reserved", "flag"), Column("disabled", "flag"),
)  # fmt: skip


def read_gbfs(file: BinaryIO, name: str, options: Options) -> Iterator[Table]:
    """Yield the stations, their status or the vehicles of one file of a bikeshare feed."""
    yield from _by_kind(
        file, name, options, gbfs.read_gbfs,
        {gbfs.Station: ("stations", STATION), gbfs.Status: ("status", STATUS), gbfs.Vehicle: ("vehicles", VEHICLE)},
    )  # fmt: skip


def _by_kind(
    file: BinaryIO,
    name: str,
    options: Options,
    read: Callable[[bytes], Iterator[Any]],
    kinds: Mapping[type[Any], tuple[str, Any]],
) -> Iterator[Table]:
    """Yield a table for each kind of value a message holds. A message is held whole; the readers bound its size."""
    try:
        found = list(read(file.read(options.most_bytes)))
    except ValueError as wrong:
        raise Malformed(f"{name} cannot be read: {wrong}.", file=name) from wrong
    faults = [
        Fault("entity", name, 0, "", place, *_halves(said))
        for said in found
        if isinstance(said, str) and (place := said.partition(":")[0])
    ]
    for kind, (title, columns) in kinds.items():
        values = [dataclasses.asdict(it) for it in found if isinstance(it, kind)]
        if values or (faults and kind is next(iter(kinds))):
            yield table_of(title, columns, [*faults, *values], rows=options.rows, most_faults=options.most_faults)
            faults = []


def _halves(sentence: str) -> tuple[str, str]:
    """Return what was found and what was expected, of a sentence that says both."""
    found, _, expected = sentence.partition(": ")[2].partition(", expected ")
    return found.removeprefix("found "), expected
