# SPDX-License-Identifier: Apache-2.0
"""A standing as pages and files show it: words, rounded figures, and where marks stand on the drawn scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from chengyun.cases.evaluation.models import Edition, Standing
from chengyun.web.shown import NOTHING, number

__all__ = ["Axis", "Line", "axis_of", "doubts", "line", "points", "rank", "share"]


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale intervals are drawn on. ticks: (place in per cent, what it says)."""

    first: float
    last: float

    @property
    def ticks(self) -> tuple[tuple[str, str], ...]:
        step = 5 if self.last - self.first <= 30 else 10
        found = range(int(self.first), int(self.last) + 1, step)
        return tuple((self.at(one) or "0", f"{one}") for one in found)

    def at(self, value: float | None) -> str | None:
        """Return where a score stands, in per cent of the width."""
        if value is None:
            return None
        return f"{min(100.0, max(0.0, 100 * (value - self.first) / (self.last - self.first))):.2f}"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table. place: of the believed score, shared where the order is not clear; "" where the unit is not ranked.

    order: its rank with its range. plain: of the reference, with its limits. marks: where they are drawn.
    """

    unit: str
    name: str
    place: str
    order: str
    fair: str
    plain: str
    limits: str
    grade: str
    plain_order: str
    due: int
    signs: int
    why_not: str
    value_at: str | None
    low_at: str | None
    high_at: str | None
    fair_at: str | None
    fair_low_at: str | None
    fair_high_at: str | None


def axis_of(rows: Sequence[Standing]) -> Axis:
    """Return a scale that holds every interval of a table: whole tens, up to 100."""
    lows = [low for row in rows for low in (row.low, (row.result.get("ranked") or {}).get("low")) if low is not None]
    first = math.floor(min(lows, default=0) / 10) * 10
    return Axis(float(min(first, 90)), 100.0)


def line(row: Standing, axis: Axis, profile: Mapping[str, Any]) -> Line:
    """Return a standing as a row of its table."""
    ranked: Mapping[str, Any] = row.result.get("ranked") or {}
    due = min((rate["due"] for rate in row.result["rates"] if rate["due"]), default=0)
    why_not = ""
    if row.order is None:
        few = due < profile["least"]
        why_not = _("案件不足 %d 件，不排名") % profile["least"] if few else _("有的指标没有应办数，不排名")
    return Line(
        unit=row.unit, name=row.name, place=str(row.place or ""), order=rank(ranked), fair=points(row.fair),
        plain=points(row.value), limits=f"{points(row.low)}–{points(row.high)}" if row.low is not None else NOTHING,
        grade=row.grade or NOTHING, plain_order=str(row.plain_order or NOTHING), due=due, signs=row.signs, why_not=why_not,
        value_at=axis.at(row.value), low_at=axis.at(row.low), high_at=axis.at(row.high), fair_at=axis.at(row.fair),
        fair_low_at=axis.at(ranked.get("low")), fair_high_at=axis.at(ranked.get("high")),
    )  # fmt: skip


def rank(ranked: Mapping[str, Any]) -> str:
    """Return a rank with its range, e.g. 3 (1–5); "—" for a unit that is not ranked."""
    if not ranked:
        return NOTHING
    low, high = ranked["rank_low"], ranked["rank_high"]
    return f"{ranked['order']} ({low}–{high})" if low != high else f"{ranked['order']}"


def points(value: float | None) -> str:
    """Return a score of 0–100."""
    return number(value, 1)


def share(value: float | None) -> str:
    """Return a rate of 0–1 as per cent."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def doubts(edition: Edition, profile: str) -> str:
    """Return the sentence that says what of a profile no published source settles; "" when all is settled."""
    found = edition.declared["profiles"][profile]["doubts"]
    return _("未经核实、按配置采用：%s。") % "、".join(_(one) for one in found) if found else ""
