# SPDX-License-Identifier: Apache-2.0
"""The scoring of the Numenta Anomaly Benchmark, from its definition.

    row of a file        worth, when it is detected
    probation (first)    nothing
    in a window          up to +A_tp at its left edge, near 0 at its right; only the best of a window counts
    after a window       0 at its edge, falling to -A_fp, and the whole of it three widths on
    before any window    -A_fp
    a window missed      -A_fn

One threshold for the whole corpus, the one that scores highest, is chosen for each profile.
Source: Lavin and Ahmad 2015, arXiv 1510.03336, section III; NAB 1.1, which does not score a probation longer than 750 rows.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chengyun.errors import Unavailable

__all__ = ["PROFILES", "Best", "Profile", "Series", "best", "normalised", "probation", "raw_score", "read_corpus"]

PROBATION_SHARE = 0.15
PROBATION_LONGEST = 750
"""15 % of at most 5,000 rows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a hit, a false alarm and a miss are worth (config/profiles.json of NAB)."""

    name: str
    tp: float
    fp: float
    fn: float


PROFILES = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One file. time: µs of the local clock. windows: (first row, last row), both inside."""

    name: str
    time: np.ndarray
    values: np.ndarray
    windows: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Best:
    """A threshold and what it scores. hits: windows found; alarms: rows outside windows and probation."""

    threshold: float
    raw: float
    score: float
    hits: int
    alarms: int


def read_corpus(folder: Path) -> list[Series]:
    """Return every labelled file of a NAB folder. Raises Unavailable when it is not there."""
    labels = folder / "labels" / "combined_windows.json"
    if not labels.exists():
        raise Unavailable(f"There is no NAB corpus in {folder.name}: labels/combined_windows.json is missing.")
    windows: dict[str, list[list[str]]] = json.loads(labels.read_text(encoding="utf-8"))
    return [_read(folder / "data" / name, name, spans) for name, spans in sorted(windows.items())]


def probation(rows: int) -> int:
    """Return how many rows at the beginning of a file are not scored."""
    return min(int(PROBATION_SHARE * rows), PROBATION_LONGEST)


def raw_score(corpus: Sequence[Series], scores: Sequence[np.ndarray], profile: Profile, threshold: float) -> float:
    """Return what detecting every row that scores the threshold or more is worth, summed over the corpus."""
    total = 0.0
    for series, score in zip(corpus, scores, strict=True):
        worth, window = _worth(series, profile)
        found = (score >= threshold) & (window != PROBATIONARY)
        total += float(worth[found & (window == OUTSIDE)].sum())
        for number in range(len(series.windows)):
            inside = worth[found & (window == number)]
            total += float(inside.max()) if len(inside) else -profile.fn
    return total


def best(corpus: Sequence[Series], scores: Sequence[np.ndarray], profile: Profile) -> Best:
    """Return the threshold that scores highest over the corpus."""
    every, worths, places, base = [], [], [], 0
    for series, score in zip(corpus, scores, strict=True):
        worth, window = _worth(series, profile)
        counts = window != PROBATIONARY
        every.append(score[counts])
        worths.append(worth[counts])
        places.append(np.where(window[counts] == OUTSIDE, -1, window[counts] + base))
        base += len(series.windows)
    score, worth, place = (np.concatenate(column) for column in (every, worths, places))
    order = np.argsort(-score, kind="stable")
    gained = np.full(base, -profile.fn)
    total = float(gained.sum())
    found = Best(np.inf, total, normalised(total, base, profile), 0, 0)
    hits = alarms = 0
    for i, row in enumerate(order.tolist()):
        number = int(place[row])
        if number < 0:
            total += float(worth[row])
            alarms += 1
        elif worth[row] > gained[number]:
            hits += gained[number] == -profile.fn
            total += float(worth[row] - gained[number])
            gained[number] = worth[row]
        last = i + 1 == len(order) or score[order[i + 1]] != score[row]
        if last and total > found.raw:
            found = Best(float(score[row]), total, normalised(total, base, profile), int(hits), alarms)
    return found


def normalised(raw: float, windows: int, profile: Profile) -> float:
    """Return a score on the scale where finding nothing is 0 and every window at its left edge, without alarms, is 100."""
    null, perfect = -profile.fn * windows, profile.tp * windows
    return 100.0 * (raw - null) / (perfect - null)


OUTSIDE, PROBATIONARY = -1, -2


def _worth(series: Series, profile: Profile) -> tuple[np.ndarray, np.ndarray]:
    """Return what detecting each row is worth, and the number of the window it lies in, OUTSIDE or PROBATIONARY."""
    index = np.arange(len(series))
    window = np.full(len(series), OUTSIDE)
    worth = np.full(len(series), -profile.fp)
    for number, (left, right) in enumerate(series.windows):
        width = right - left + 1
        inside = slice(left, right + 1)
        window[inside] = number
        worth[inside] = _sigmoid(-(right - index[inside] + 1) / width) * profile.tp / _sigmoid(np.array([-1.0]))
        after = slice(right + 1, series.windows[number + 1][0] if number + 1 < len(series.windows) else len(series))
        worth[after] = _sigmoid((index[after] - right) / (width - 1)) * profile.fp
    window[: probation(len(series))] = PROBATIONARY
    return worth, window


def _sigmoid(position: np.ndarray) -> np.ndarray:
    """Return the scaled sigmoid: 1 far before the right edge of a window, 0 at it, -1 from three widths after it on."""
    return np.where(position >= 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0)


def _read(path: Path, name: str, spans: Sequence[Sequence[str]]) -> Series:
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[Mapping[str, str]] = list(csv.DictReader(file))
    time = np.array([_micros(row["timestamp"]) for row in rows])
    values = np.array([float(row["value"]) for row in rows])
    windows = tuple(
        (int(np.searchsorted(time, _micros(since))), int(np.searchsorted(time, _micros(until), side="right")) - 1)
        for since, until in spans
    )
    return Series(name, time, values, windows)


def _micros(text: str) -> int:
    """Return microseconds of the local clock the corpus is written in, which has no zone."""
    written = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return (written - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
