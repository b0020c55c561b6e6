# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: the operators' own GBFS, and tables of its history.

A station's key is its `station_id`; a history that numbers its stations is keyed by those numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.standards import gbfs
from chengyun.standards.lines import malformed, read_lines, real
from chengyun.standards.times import parse_instant

HISTORY = ("time", "station", "bikes", "ebikes", "docks", "bikes_disabled", "docks_disabled", "ok", "age_s")
COUNTS = ("bikes", "ebikes", "docks", "bikes_disabled", "docks_disabled")
STATIONS = ("station", "name", "lat", "lon", "capacity")
WORKING = {True: "yes", False: "no", None: None}


def read_gbfs(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read station_information.json or station_status.json, GBFS 1 to 3."""
    try:
        found = list(gbfs.read_gbfs(file.read(gbfs.MOST_BYTES + 1)))
    except ValueError as wrong:
        yield Malformed(f"{name} cannot be read: {wrong}.", file=name)
        return
    for number, one in enumerate(found, 1):
        match one:
            case str():
                yield Malformed(f"{name}, {one}.", file=name)
            case gbfs.Station():
                values = {"name": one.name[:200], "lon": one.lon, "lat": one.lat, "capacity": one.capacity}
                yield Registered("station", one.id, values)
            case gbfs.Status():
                yield Registered("station", one.id, {})
                yield Observation(_status(one), line=number)


def _status(one: gbfs.Status) -> dict[str, object]:
    age = None if one.reported is None else (one.at - one.reported).total_seconds()
    return {
        "station": one.id,
        "observed_at": one.at,
        "bikes": one.bikes,
        "ebikes": one.ebikes,
        "docks": one.docks,
        "bikes_disabled": one.bikes_disabled,
        "docks_disabled": one.docks_disabled,
        "age": age,
        "working": WORKING[one.working],
    }


def read_stations(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read the list of a history's stations; it registers them and observes nothing."""
    for line in read_lines(file, name, STATIONS):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            capacity = real(row["capacity"], "capacity", 0, 10_000)
            values = {
                "name": row["name"].strip()[:200],
                "lon": real(row["lon"], "lon", -180, 180),
                "lat": real(row["lat"], "lat", -90, 90),
                "capacity": None if capacity is None else int(capacity),
            }
            yield Registered("station", _key(row["station"]), values)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_history(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read a history of station status: one row for each station and publication."""
    seen: set[str] = set()
    instants: dict[str, dt.datetime] = {}
    for line in read_lines(file, name, HISTORY):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            key, text = _key(row["station"]), row["time"]
            if text not in instants:
                # One publication speaks of all stations, so its time comes hundreds of times in a row.
                instants = {text: parse_instant(text)}
            values: dict[str, object] = {column: real(row[column], column, -1e6, 1e6) for column in COUNTS}
            values |= {"station": key, "observed_at": instants[text], "age": real(row["age_s"], "age_s", -1e9, 1e9)}
            values["working"] = _working(row["ok"])
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        if key not in seen:
            seen.add(key)
            yield Registered("station", key, {})
        yield Observation(values, line=at)


def _working(text: str) -> str | None:
    try:
        return {"1": "yes", "0": "no", "": None}[text.strip()]
    except KeyError:
        raise ValueError(f"ok is {text[:40]!r}, expected 1 or 0") from None


def _key(text: str) -> str:
    bare = text.strip()
    if not bare or len(bare) > 64:
        raise ValueError(f"station is {text[:40]!r}, expected a key of 1 to 64 characters")
    return bare


GBFS = Feed("gbfs", "站点信息与状态（GBFS）", stream="station_status", read=read_gbfs)
STATION_LIST = Feed("stations", "历史数据的站点名录（CSV）", stream="station_status", read=read_stations)
STATUS_HISTORY = Feed("history", "站点状态历史（CSV）", stream="station_status", read=read_history)

FEEDS = (GBFS, STATION_LIST, STATUS_HISTORY)
