# SPDX-License-Identifier: Apache-2.0
"""Official figures by period: the newest edition, the first beside it, growth over a year, and the season taken out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chengyun.errors import Unavailable

__all__ = ["Point", "adjusted", "digest", "points", "season_of"]

LEAST_YEARS = 3
"""Years of months or quarters a season is read from; with fewer, it cannot be told from chance."""


@dataclass(frozen=True, slots=True)
class Point:
    """One period. editions: (day, value), oldest first; value: the newest. growth: over a year before, 0.05 is 5 %."""

    period: str
    editions: tuple[tuple[Any, Decimal], ...]
    value: Decimal
    growth: float | None

    @property
    def revised(self) -> bool:
        return len({value for _day, value in self.editions}) > 1


def points(rows: Iterable[tuple[str, Any, Decimal | None]]) -> list[Point]:
    """Return the periods of (period, edition, value), in order of time."""
    found: dict[str, list[tuple[Any, Decimal]]] = {}
    for period, edition, value in rows:
        if value is not None:
            found.setdefault(period, []).append((edition, value))
    newest = {period: max(editions, key=lambda one: str(one[0]))[1] for period, editions in found.items()}
    return [
        Point(
            period, tuple(sorted(found[period], key=lambda one: str(one[0]))), newest[period],
            _growth(newest, period),
        )
        for period in sorted(found)
    ]  # fmt: skip


def season_of(known: Sequence[Point]) -> int:
    """Return how many periods a year has; 0 where there is no season to take out: years, a gap, or fewer than three of them."""
    season = {"Q": 4, "-": 12}.get(known[0].period[4:5], 0) if known else 0
    long = bool(season) and len(known) >= LEAST_YEARS * season
    return season if long and _without_gap([one.period for one in known], season) else 0


def digest(known: Sequence[Point]) -> str:
    """Return what the newest figures are known again by: SHA-256 in hex of their periods and values."""
    return hashlib.sha256("\n".join(f"{one.period}={one.value}" for one in known).encode()).hexdigest()


def adjusted(known: Sequence[Point]) -> list[float] | None:
    """Return the newest values with the season taken out (STL, multiplicative by logarithms where all are above zero).

    None where there is no season to take out (season_of). Raises Unavailable without the extra `statistics`.
    """
    season = season_of(known)
    if not season:
        return None
    try:
        import numpy as np
        from statsmodels.tsa.seasonal import STL  # large: in a process of its own (seasons.py)
    except ImportError:
        raise Unavailable("Seasonal adjustment needs statsmodels; install chengyun[statistics].", code="no_statsmodels") from None
    values = np.array([float(one.value) for one in known])
    logged = bool((values > 0).all())
    fitted = STL(np.log(values) if logged else values, period=season, robust=True).fit()
    plain = (np.log(values) if logged else values) - fitted.seasonal
    return [float(one) for one in (np.exp(plain) if logged else plain)]


def _growth(newest: Mapping[str, Decimal], period: str) -> float | None:
    before = newest.get(f"{int(period[:4]) - 1}{period[4:]}") if re.match(r"\d{4}", period) else None
    return float(newest[period] / before - 1) if before else None


def _without_gap(periods: Sequence[str], season: int) -> bool:
    digits = 1 if season == 4 else 2
    numbers = [int(one[:4]) * season + int(one[-digits:]) for one in periods]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))
