# SPDX-License-Identifier: Apache-2.0
"""A figure as pages show it: never without its unit, status, age, coverage and source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from chengyun.city import Band
from chengyun.operate.status import Status

__all__ = ["Status", "Tile"]


@dataclass(frozen=True)
class Spark:
    """The course of a figure as a line in a box of 100 × 24: a gap is a gap. says: its time, lowest and highest value."""

    path: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure.

    indicator, subject: which figure it is, for live updates. subject_name: whose it is, where that is not plain; or empty.
    value: None when there is none; shown as "—". period_start, period_text: the interval it speaks of; None without a figure.
    known_at: when the interval ended: its age is the figure's age. coverage: share of the inputs there, 0 to 1; None: not known.
    band: class of the scale it falls in. figure_id: for "why?"; None: nothing to explain.
    spark: its course before now; None: not drawn.
    """

    indicator: str
    subject: str
    subject_name: str
    name: str
    value: float | None
    decimals: int
    unit: str
    band: Band | None
    status: Status
    period_start: dt.datetime | None
    period_text: str
    known_at: dt.datetime | None
    coverage: float | None
    simulated: bool
    source: str
    figure_id: int | None
    spark: Spark | None = None
