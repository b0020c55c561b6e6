# SPDX-License-Identifier: Apache-2.0
"""What work of a category takes: time on the spot and skills, as dated data (needs.toml)."""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Need", "known_skills", "need_of"]


@dataclass(frozen=True, slots=True)
class Need:
    """minutes: on the spot. skills: all are needed."""

    minutes: int
    skills: frozenset[str]


def need_of(category: str, day: dt.date) -> Need:
    """Return what work of a category takes on a day."""
    edition = max((one for one in _editions() if one[0] <= day), key=lambda one: one[0])
    code = max((known for known in edition[1] if category.startswith(known)), key=len)
    return edition[1][code]


def known_skills() -> tuple[str, ...]:
    """Return every skill some category has ever asked for."""
    return tuple(sorted({skill for _day, rows in _editions() for need in rows.values() for skill in need.skills}))


@functools.cache
def _editions() -> tuple[tuple[dt.date, dict[str, Need]], ...]:
    read = tomllib.loads((Path(__file__).parent / "needs.toml").read_text(encoding="utf-8"))
    return tuple(
        (one["in_force"], {row["code"]: Need(row["minutes"], frozenset(row["skills"])) for row in one["categories"]})
        for one in read["needs"]
    )
