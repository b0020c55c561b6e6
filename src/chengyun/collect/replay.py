# SPDX-License-Identifier: Apache-2.0
"""History played as if live: a file's observations posted over HTTP, in the order and the rhythm of their times."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from chengyun.city import City, Observation, Registered, qualify
from chengyun.collect import front_door
from chengyun.collect.load import find_feed, open_file, plain_name, read_rows
from chengyun.collect.registering import register
from chengyun.config import Config
from chengyun.errors import Refused, Unavailable

__all__ = ["replay"]

BATCH = 2_000
ATTEMPTS = 30

Told = Callable[[dt.datetime, int], None]


def replay(
    config: Config, city: City, feed_name: str, path: Path, *, speed: float, shift_to_now: bool, purpose: str, told: Told
) -> int:
    """Post a file; return how many observations were accepted. Reads the file whole, to put it in order of time.

    speed: seconds of the file per second. shift_to_now: move all times so that the last observation is now's.
    purpose: `ingest:*` for real data, `simulate` for data to be marked as simulated.
    told: called with the moment reached and the count.
    """
    pack, feed = find_feed(city, feed_name)
    qualified = qualify(pack, feed.stream)
    stream = city.streams[qualified]
    registered: list[Registered] = []
    rows: list[Observation] = []
    with open_file(path) as (opened, _):
        for row in read_rows(feed, opened, plain_name(path)):
            if isinstance(row, Registered):
                registered.append(row)
            elif isinstance(row, Observation):
                rows.append(row)
    if not rows:
        raise Refused(f"{path} holds no observation that {feed_name} can read.", code="nothing_to_replay")
    register(city, pack, registered, simulated=purpose == "simulate")
    rows.sort(key=lambda row: (row.values[stream.time], row.values[stream.entity.key]))
    first, last = rows[0].values[stream.time], rows[-1].values[stream.time]
    shift = dt.datetime.now(dt.UTC) - last if shift_to_now else dt.timedelta()
    if shift_to_now and stream.cadence:
        # Whole cadences, so that hours stay whole hours.
        shift -= dt.timedelta(seconds=shift.total_seconds() % stream.cadence.total_seconds())
    begun = time.monotonic()
    accepted = 0
    for moment, together in groupby(rows, key=lambda row: row.values[stream.time]):
        due = begun + (moment - first).total_seconds() / speed
        time.sleep(max(0.0, due - time.monotonic()))
        for part in _parts([_written(row, stream.time, shift) for row in together]):
            accepted += _post(config, qualified, part, purpose)
        told(moment + shift, accepted)
    return accepted


def _post(config: Config, stream: str, rows: list[dict[str, Any]], purpose: str) -> int:
    for attempt in range(ATTEMPTS):
        try:
            return int(front_door.post(config, stream, rows, purpose=purpose)["accepted"])
        except Unavailable:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(1.0)
    return 0


def _parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for at in range(0, len(rows), BATCH):
        yield rows[at : at + BATCH]


def _written(row: Observation, time_column: str, shift: dt.timedelta) -> dict[str, Any]:
    written = {name: value if value is None or isinstance(value, str) else _number(value) for name, value in row.values.items()}
    written[time_column] = (row.values[time_column] + shift).isoformat()
    return written


def _number(value: Any) -> Any:
    return value if isinstance(value, dt.datetime | bool) else float(value)
