# SPDX-License-Identifier: Apache-2.0
"""A batch of observations as columns, and the quality word that travels with every observation.

    quality = kinds | invalid << 8 | suspect << 32 | device
              bits 0–7  8–31           32–55           56–57    bit i of a mask = the i-th Quantity; 0 = clean

An invalid value is kept but takes no part in figures; a suspect one takes part, and the figure says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

INVALID_SHIFT = 8
SUSPECT_SHIFT = 32


class Flag(IntFlag):
    """What was noticed about an observation when it came in."""

    RANGE = 1
    SPIKE = 2
    STUCK = 4
    GAP = 8
    LATE = 16
    DUPLICATE = 32
    CORRECTION = 64
    SIMULATED = 128
    DISTRUSTED = 1 << 56
    """Its device is in quarantine: no value of it takes part in figures."""
    UNCALIBRATED = 1 << 57
    """Its device has no valid calibration: its values are suspect."""


@dataclass(slots=True)
class Rows:
    """Observations of one stream, one array per column, all of the same length.

    entity: ids of the register. time: microseconds since 1970, UTC. quality: see the module.
    numbers: quantity → values, NaN = unknown. words: code or text → values, None = unknown.
    """

    entity: Int32s
    time: Int64s
    quality: Int64s
    numbers: dict[str, Floats]
    words: dict[str, list[str | None]]

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: npt.NDArray[np.intp] | Bools) -> Rows:
        """Return the rows at these positions, or where a mask is True, in that order."""
        positions = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return Rows(
            self.entity[positions],
            self.time[positions],
            self.quality[positions],
            {key: values[positions] for key, values in self.numbers.items()},
            {key: [values[i] for i in positions.tolist()] for key, values in self.words.items()},
        )


def join(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts, in order. The parts have the same columns; there is at least one."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Rows(
        np.concatenate([part.entity for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.quality for part in parts]),
        {key: np.concatenate([part.numbers[key] for part in parts]) for key in first.numbers},
        {key: [value for part in parts for value in part.words[key]] for key in first.words},
    )


def invalid_bit(position: int) -> int:
    """Return the bit of the quality word that says the position-th Quantity is invalid."""
    return 1 << (INVALID_SHIFT + position)


def suspect_bit(position: int) -> int:
    """Return the bit of the quality word that says the position-th Quantity is suspect."""
    return 1 << (SUSPECT_SHIFT + position)
