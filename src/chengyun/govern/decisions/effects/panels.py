# SPDX-License-Identifier: Apache-2.0
"""A panel: one number for every area and period, some areas treated from one day on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_MISSING", "Panel", "balanced"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_MISSING = 0.1
"""Of its periods, an area may lack so many; with more it is left out."""


@dataclass(frozen=True)
class Panel:
    """values: areas × periods, complete. treated: which areas. start: index of the first period under the decision.

    dropped: areas left out because too much is missing; lost: periods left out because an area that stays lacks them.
    """

    areas: tuple[str, ...]
    periods: tuple[str, ...]
    values: Floats
    treated: Flags
    start: int
    dropped: tuple[str, ...] = ()
    lost: int = 0

    @property
    def before(self) -> Floats:
        return self.values[:, : self.start]

    @property
    def after(self) -> Floats:
        return self.values[:, self.start :]


def balanced(
    areas: Sequence[str], periods: Sequence[str], values: Floats, treated: Flags, start: int, most_missing: float = MOST_MISSING
) -> Panel:
    """Return the panel without gaps: first areas that lack too much are left out, then the periods that anybody still lacks.

    A gap is never filled: a made-up value would make the areas look more alike than they are.
    """
    missing = np.isnan(values)
    stay = missing.mean(axis=1) <= most_missing if values.shape[1] else np.zeros(len(areas), bool)
    whole = ~missing[stay].any(axis=0)
    return Panel(
        areas=tuple(area for area, kept in zip(areas, stay, strict=True) if kept),
        periods=tuple(period for period, kept in zip(periods, whole, strict=True) if kept),
        values=values[stay][:, whole],
        treated=treated[stay],
        start=int(whole[:start].sum()),
        dropped=tuple(area for area, kept in zip(areas, stay, strict=True) if not kept),
        lost=int((~whole).sum()),
    )
