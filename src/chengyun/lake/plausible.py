# SPDX-License-Identifier: Apache-2.0
"""A year of plausible air for measurements: as many stations as asked, hour by hour, as hard to store as real air.

A pollutant is a level of the city that drifts from hour to hour, a daily and a yearly course, a factor of the station, and
the station's own noise; published in whole µg/m³ (CO in 0.1 mg/m³), one value in two hundred missing. Stored as the sealed
files are, it takes about as many bytes as the hourly values of 254 stations of the Yangtze delta do.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Grid = npt.NDArray[np.float64]

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class _Course:
    """mean: over the year; noise: of one station and hour, as a share of the level; digits: as published."""

    mean: float
    winter: float
    night: float
    noise: float
    digits: int


POLLUTANTS = {
    "so2": _Course(8, 0.2, -0.1, 0.10, 0),
    "no2": _Course(32, 0.3, 0.25, 0.10, 0),
    "co": _Course(0.7, 0.2, 0.1, 0.08, 1),
    "o3": _Course(62, -0.4, -0.5, 0.07, 0),
    "pm10": _Course(60, 0.3, 0.05, 0.09, 0),
    "pm25": _Course(35, 0.4, 0.05, 0.09, 0),
}


def month(stations: int, year: int, number: int, first_seq: int, seed: int = 20250101) -> dict[str, npt.NDArray[np.generic]]:
    """Return one UTC month of hourly rows, sorted by station and time: `station` (position), `time` (µs), `seq`, the pollutants.

    Every hour the stations come in an order of their own, in blocks of 500 as gateways send them. Same arguments, same rows.
    """
    rng = np.random.default_rng([seed, year, number])
    begin = dt.datetime(year, number, 1, tzinfo=dt.UTC)
    end = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=dt.UTC)
    hours = int((end - begin).total_seconds()) // 3600
    start_us = int(begin.timestamp()) * 1_000_000
    times = start_us + np.arange(hours, dtype=np.int64) * HOUR_US
    columns: dict[str, npt.NDArray[np.generic]] = {
        "station": np.repeat(np.arange(stations, dtype=np.int32), hours),
        "time": np.tile(times, stations),
        "seq": _arrivals(rng, stations, hours, first_seq),
    }
    yearly = np.cos(2 * np.pi * (times / 1e6 / 86400 / 365.25))
    daily = np.cos(2 * np.pi * (times / 1e6 / 86400 + 8 / 24))
    for name, course in POLLUTANTS.items():
        city = np.exp(_drift(rng, hours, 0.97, 0.5))
        level = course.mean * city * (1 + course.winter * yearly) * (1 + course.night * daily)
        factor = np.random.default_rng([seed, len(name), stations]).lognormal(0, 0.25, stations)
        values = rng.standard_normal((stations, hours), dtype=np.float32) * np.float32(course.noise) + np.float32(1)
        values *= level.astype(np.float32)
        values *= factor.astype(np.float32)[:, None]
        # Rounding in double: a value of one decimal must be the double nearest to it, as a parser gives it.
        published = np.maximum(np.round(values.astype(np.float64), course.digits), 1.0 if course.digits == 0 else 0.1)
        published[rng.random((stations, hours), dtype=np.float32) < 0.005] = np.nan
        columns[name] = published.ravel()
    return columns


def _drift(rng: np.random.Generator, hours: int, memory: float, spread: float) -> Grid:
    steps = rng.standard_normal(hours) * spread * np.sqrt(1 - memory**2)
    level = np.empty(hours)
    level[0] = rng.standard_normal() * spread
    for hour in range(1, hours):
        level[hour] = memory * level[hour - 1] + steps[hour]
    return level


def _arrivals(rng: np.random.Generator, stations: int, hours: int, first_seq: int) -> npt.NDArray[np.int64]:
    """Return the seqs, station by station: blocks of stations arrive in a new order every hour."""
    block = np.arange(stations) // 500
    within = np.arange(stations) - block * 500
    sizes = np.bincount(block)
    order = np.argsort(rng.random((hours, len(sizes))), axis=1)
    starts = np.empty_like(order)
    np.put_along_axis(starts, order, np.cumsum(sizes[order], axis=1) - sizes[order], axis=1)
    seqs = first_seq + np.arange(hours)[:, None] * stations + starts[:, block] + within
    return np.ascontiguousarray(seqs.T).ravel().astype(np.int64)


def as_arrow(
    columns: dict[str, npt.NDArray[np.generic]], keys: list[str], time: str, entity: str, missing: list[str]
) -> pa.Table:
    """Return rows as the sealed table has them. missing: quantities of the stream that stay unknown."""
    import pyarrow as pa

    count = len(columns["time"])
    arrays = {
        entity: pa.DictionaryArray.from_arrays(pa.array(columns["station"]), pa.array(keys)),
        time: pa.array(columns["time"], pa.timestamp("us", tz="UTC")),
        "seq": pa.array(columns["seq"]),
        "quality": pa.array(np.zeros(count, dtype=np.int64)),
        "until_seq": pa.nulls(count, pa.int64()),
    }
    arrays |= {name: pa.array(columns[name], from_pandas=True) for name in POLLUTANTS}
    arrays |= {name: pa.nulls(count, pa.float64()) for name in missing}
    return pa.table(arrays)
