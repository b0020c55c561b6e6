# SPDX-License-Identifier: Apache-2.0
"""The same problem reported twice: found by place, time, category and words, with reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chengyun.cases.duplicates.scoring import Candidate

__all__ = ["beyond_doubt", "find"]

SAME, CLEAR = 0.9, 0.05
"""What the likeliest must score, and by how much before the next: of two that are about as like, either may be meant. By the
score alone one in twenty joins another address's case, however high it is set (docs/category.md)."""


def find(
    type_key: str, *, lon: float, lat: float, at: dt.datetime, category: str = "", text: str = "", limit: int = 5,
    within_m: float = 150.0, days: int = 30,
) -> list[Candidate]:  # fmt: skip
    """Return cases of a type that may be the problem at a place, most alike first; see queries.find."""
    # Django: this package is looked into by processes that never load it.
    from chengyun.cases.duplicates import queries

    return queries.find(
        type_key, lon=lon, lat=lat, at=at, category=category, text=text, limit=limit, within_m=within_m, days=days
    )  # fmt: skip


def beyond_doubt(scores: Sequence[float]) -> bool:
    """Say whether a report belongs to the first of the cases found without anybody looking. scores: highest first."""
    return bool(scores) and scores[0] >= SAME and (len(scores) < 2 or scores[0] - scores[1] >= CLEAR)
