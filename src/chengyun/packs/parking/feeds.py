# SPDX-License-Identifier: Apache-2.0
"""Files in, rows out: a list of car parks, and the changes of their free spaces.

A car park's key is its number in the list, `place`, because that is all the list of changes says of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import BinaryIO

from chengyun.city import Feed, Malformed, Observation, Registered, Row
from chengyun.standards.lines import malformed, read_lines, real
from chengyun.standards.times import parse_instant

PLACES = ("place", "place_id", "place_name", "city_name", "num_all", "latitude", "longitude")
CHANGES = ("timestamp", "place", "free")


def read_lots(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read the list of car parks; it registers them and observes nothing."""
    for line in read_lines(file, name, PLACES):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            capacity = real(row["num_all"], "num_all", 1, 100_000)
            values = {
                "name": row["place_name"].strip()[:200] or row["place"],
                "city_name": row["city_name"].strip()[:40],
                "code": row["place_id"].strip()[:120],
                "capacity": None if capacity is None else int(capacity),
                "lon": real(row["longitude"], "longitude", -180, 180),
                "lat": real(row["latitude"], "latitude", -90, 90),
            }
            yield Registered("lot", _place(row["place"]), values)
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))


def read_changes(file: BinaryIO, name: str) -> Iterator[Row]:
    """Read changes of free spaces: timestamp with its offset, place, free. A car park not yet registered is, by its number."""
    seen: set[str] = set()
    instants: dict[str, dt.datetime] = {}
    for line in read_lines(file, name, CHANGES):
        if isinstance(line, Malformed):
            yield line
            continue
        at, row = line
        try:
            place, text = _place(row["place"]), row["timestamp"]
            if text not in instants:
                # All car parks are read at the same moments, one after the other.
                instants = {text: parse_instant(text)}
            values = {"lot": place, "observed_at": instants[text], "free": real(row["free"], "free", -1e6, 1e6)}
        except ValueError as wrong:
            yield malformed(name, at, str(wrong))
            continue
        if place not in seen:
            seen.add(place)
            yield Registered("lot", place, {})
        yield Observation(values, line=at)


def _place(text: str) -> str:
    bare = text.strip()
    if not bare or len(bare) > 64:
        raise ValueError(f"place is {text[:40]!r}, expected a key of 1 to 64 characters")
    return bare


LOTS = Feed("lots", "停车场名录（CSV）", stream="lot_free", read=read_lots)
CHANGES_FEED = Feed("changes", "空余泊位变化（CSV）", stream="lot_free", read=read_changes)

FEEDS = (LOTS, CHANGES_FEED)
