# SPDX-License-Identifier: Apache-2.0
"""The scores of an index out of its parts' figures, for all areas of a level together. Pure: rows in, rows out.

Areas are compared with those of their own level only. What a figure keeps beside its value: every part's value, score and
weight, every dimension's score, its rank with the interval that other weights give, and its rank under other methods.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengyun.city.index import (
    AHP,
    PCA,
    Dimension,
    Distance,
    Entropy,
    Expert,
    Index,
    MinMax,
    Normalisation,
    Part,
    Percentile,
    Weighing,
    ZScore,
)  # fmt: skip
from chengyun.city.limits import Limits
from chengyun.standards import composite, weighting
from chengyun.standards.composite import Aggregation

__all__ = ["score"]

OVER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": lambda values: math.fsum(values) / len(values),
    "sum": math.fsum,
    "last": lambda values: values[-1],
    "highest": max,
    "lowest": min,
}
OTHERS: Mapping[str, Normalisation] = {"min_max": MinMax(), "z_score": ZScore(), "percentile": Percentile()}
"""The normalisations a rank is also found under, one at a time."""
LEAST_PEERS = 3
"""Scores that come from comparing areas need so many of a level."""


@dataclass(slots=True)
class _Area:
    """What is known of one area. values, scores: in the order of the index's parts."""

    code: str
    values: list[float | None]
    simulated: bool
    scores: list[float | None]
    weights: list[float]
    index: float | None = None
    coverage: float = 0.0
    reason: str = ""


def score(index: Index, rows: Iterable[Mapping[str, Any]], limits: Limits) -> list[dict[str, Any]]:
    """Return a row per area and period of what the parts' rows (area, period_start, part, values, simulated) say."""
    groups: dict[tuple[Any, int], dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        area = str(row["area"])
        groups.setdefault((row["period_start"], _level(area)), {}).setdefault(area, []).append(row)
    found = []
    for (start, _), areas in groups.items():
        day = start.date() if isinstance(start, dt.datetime) else start
        found += [{"period_start": start, **one} for one in _scored(index, areas, limits, day)]
    return found


def _scored(
    index: Index, areas: Mapping[str, Sequence[Mapping[str, Any]]], limits: Limits, day: dt.date
) -> list[dict[str, Any]]:  # fmt: skip
    peers = [_gathered(index, code, areas[code]) for code in sorted(areas)]
    used = _Numbers(limits, day)
    relative = _normalise(index, peers, used)
    weights = _weights(index, peers, used)
    for one in peers:
        _count(index, one, weights)
        if relative and len(peers) < LEAST_PEERS:
            one.index, one.reason = None, "few_peers"
    ranked = [one for one in peers if one.index is not None]
    intervals = composite.rank_intervals(
        [one.scores for one in ranked], [one.weights for one in ranked], index.aggregate,
        spread=index.spread, draws=index.draws, seed=index.seed,
    )  # fmt: skip
    orders = composite.ranks([None if one.index is None else round(one.index, 9) for one in ranked])
    others = _other_ranks(index, ranked)
    firm = {one.code: (rank, *interval) for one, rank, interval in zip(ranked, orders, intervals, strict=True)}
    return [_row(index, one, firm.get(one.code), len(ranked), {k: it.get(one.code) for k, it in others.items()}, used)
            for one in peers]  # fmt: skip


class _Numbers:
    """Looks numbers up by date. editions: table → the day the edition that was used came into force."""

    def __init__(self, limits: Limits, day: dt.date) -> None:
        self._limits, self._day = limits, day
        self.editions: dict[str, str] = {}

    def __call__(self, number: float | str) -> float:
        if not isinstance(number, str):
            return float(number)
        table, _, entry = number.partition(":")
        edition = self._limits.on(table, self._day)
        self.editions[table] = edition.in_force.isoformat()
        return float(edition[entry])


def _gathered(index: Index, code: str, rows: Sequence[Mapping[str, Any]]) -> _Area:
    by_part = {row["part"]: row for row in rows}
    values = [
        OVER[part.over]([float(value) for value in by_part[part.key]["values"]]) if part.key in by_part else None
        for part in index.parts
    ]
    return _Area(code, values, any(row["simulated"] for row in rows), [None] * len(values), [])


def _normalise(index: Index, peers: Sequence[_Area], used: _Numbers) -> bool:
    """Set every area's scores; say whether any came from comparing areas."""
    relative = False
    for place, part in enumerate(index.parts):
        column = [one.values[place] for one in peers]
        for one, score in zip(peers, _scores(part, part.normal, column, used), strict=True):
            one.scores[place] = score
        compared = part.normal.low is None if isinstance(part.normal, MinMax) else not isinstance(part.normal, Distance)
        relative = relative or (compared and any(value is not None for value in column))
    if index.missing == "zero":
        for one in peers:
            one.scores = [0.0 if score is None else score for score in one.scores]
    return relative


def _scores(part: Part, normal: Normalisation, column: Sequence[float | None], used: _Numbers) -> list[float | None]:
    rising = part.better == "more"
    match normal:
        case MinMax(low=None):
            return composite.min_max(column, rising)
        case MinMax(low=low, high=high):
            assert low is not None  # for the type checker: the declaration's own faults() says so
            assert high is not None
            return composite.min_max(column, rising, used(low), used(high))
        case ZScore():
            return composite.z_score(column, rising)
        case Percentile():
            return composite.percentile(column, rising)
    return composite.distance(column, used(normal.target), used(normal.base))


def _weights(index: Index, peers: Sequence[_Area], used: _Numbers) -> list[tuple[float, list[float]]] | None:
    """Return (weight of the dimension, weights of its parts) in order; None when data give none."""
    inner: list[list[float]] = []
    first = 0
    for dimension in index.dimensions:
        last = first + len(dimension.parts)
        weights = _weighed(dimension.weights, dimension.parts, [one.scores[first:last] for one in peers], used)
        if weights is None:
            return None
        inner.append(weights)
        first = last
    scores = [_dimension_scores(index, one, inner) for one in peers]
    outer = _weighed(index.weights, index.dimensions, scores, used)
    return None if outer is None else list(zip(outer, inner, strict=True))


def _weighed(
    weights: Weighing, things: Sequence[Part] | Sequence[Dimension], scores: Sequence[Sequence[float | None]], used: _Numbers
) -> list[float] | None:
    match weights:
        case Expert():
            given = [used(1.0 if one.weight is None else one.weight) for one in things]
            whole = math.fsum(given)
            return [one / whole for one in given]
        case AHP():
            return weighting.ahp(weighting.judgements([one.key for one in things], weights.compared))[0]
    # Only areas that have everything can say how parts vary together.
    complete = [[one for one in row if one is not None] for row in scores if None not in row]
    return weighting.entropy(complete) if isinstance(weights, Entropy) else _principal(complete, weights)


def _principal(complete: Sequence[Sequence[float]], weights: Weighing) -> list[float] | None:
    return weighting.principal(complete, weights.explained if isinstance(weights, PCA) else 1.0)


def _dimension_scores(index: Index, one: _Area, inner: Sequence[Sequence[float]]) -> list[float | None]:
    found, first = [], 0
    for weights in inner:
        scores = one.scores[first : first + len(weights)]
        first += len(weights)
        shared = composite.effective([(1.0, weights)], [score is not None for score in scores])
        found.append(composite.aggregate(scores, shared, index.aggregate))
    return found


def _count(index: Index, one: _Area, weights: list[tuple[float, list[float]]] | None) -> None:
    """Set an area's effective weights and its index, or why it has none."""
    if weights is None:
        one.weights, one.reason = [0.0] * len(one.scores), "few_for_weights"
        return
    present = [score is not None for score in one.scores]
    one.weights = composite.effective(weights, present)
    # What scores zero because it is missing is not covered. Counted from what is missing: whole is then 1 to the last bit.
    flat = [outer * part for outer, inner in weights for part in inner]
    one.coverage = max(0.0, 1.0 - math.fsum(weight for weight, value in zip(flat, one.values, strict=True) if value is None))
    if index.missing == "withhold" and not all(present):
        one.reason = "missing"
    elif one.coverage < index.least:
        one.reason = "coverage"
    else:
        one.index = composite.aggregate(one.scores, one.weights, index.aggregate)
        one.reason = "" if one.index is not None else "missing"


def _other_ranks(index: Index, ranked: Sequence[_Area]) -> dict[str, dict[str, int | None]]:
    """Return the ranks when one choice of method is another: each normalisation for all parts, the other aggregation."""
    found: dict[str, dict[str, int | None]] = {}
    for name, normal in OTHERS.items():
        columns = [
            _scores(part, normal, [one.values[place] for one in ranked], _Numbers(Limits({}, ""), dt.date.min))
            for place, part in enumerate(index.parts)
        ]
        rows = [list(row) for row in zip(*columns, strict=True)]
        if index.missing == "zero":
            rows = [[0.0 if score is None else score for score in row] for row in rows]
        found[name] = _ranked(ranked, rows, index.aggregate)
    other: Aggregation = "geometric" if index.aggregate == "arithmetic" else "arithmetic"
    found[other] = _ranked(ranked, [one.scores for one in ranked], other)
    return found


def _ranked(ranked: Sequence[_Area], rows: Sequence[Sequence[float | None]], by: Aggregation) -> dict[str, int | None]:
    values = [composite.aggregate(row, one.weights, by) for one, row in zip(ranked, rows, strict=True)]
    orders = composite.ranks([None if value is None else round(value, 9) for value in values])
    return {one.code: order for one, order in zip(ranked, orders, strict=True)}


def _row(
    index: Index,
    one: _Area,
    firm: tuple[int | None, int, int, int] | None,
    of: int,
    others: Mapping[str, int | None],
    used: _Numbers,
) -> dict[str, Any]:
    parts = {
        part.key: {"value": value, "score": score, "weight": weight}
        for part, value, score, weight in zip(index.parts, one.values, one.scores, one.weights, strict=True)
    }
    dimensions, first = {}, 0
    for dimension in index.dimensions:
        last = first + len(dimension.parts)
        weights = one.weights[first:last]
        weight = math.fsum(weights)
        shared = [part / weight for part in weights] if weight > 0 else weights
        dimensions[dimension.key] = {
            "score": composite.aggregate(one.scores[first:last], shared, index.aggregate) if weight > 0 else None,
            "weight": weight,
        }
        first = last
    rank, low, middle, high = firm or (None, None, None, None)
    return {
        "area": one.code, "value": one.index, "coverage": one.coverage, "simulated": one.simulated,
        "rank": rank, "of": of, "rank_low": low, "rank_middle": middle, "rank_high": high, "ranks": dict(others),
        "parts": parts, "dimensions": dimensions, "editions": dict(used.editions),
        "missing": [part.key for part, value in zip(index.parts, one.values, strict=True) if value is None],
        "reason": one.reason,
    }  # fmt: skip


def _level(code: str) -> int:
    """Return what tells the levels of areas apart: 4 a city, else the digits of the code, 14 a grid."""
    if len(code) == 6 and code.endswith("00"):
        return 4
    return min(len(code), 14)
