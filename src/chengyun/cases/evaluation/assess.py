# SPDX-License-Identifier: Apache-2.0
"""From what was counted to what is published: each unit's plain score with its interval, its fair one, its rank, its signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chengyun.cases.evaluation.casemix import standardise
from chengyun.cases.evaluation.declared import Profile, Rate, Sign
from chengyun.cases.evaluation.detectors import Finding, look, with_unseen
from chengyun.cases.evaluation.intervals import mover, wilson
from chengyun.cases.evaluation.ranking import Ranked, stand
from chengyun.cases.evaluation.scores import Part, grade_of, score_of
from chengyun.cases.evaluation.shrinkage import fit
from chengyun.cases.evaluation.tally import Floats, Tally

__all__ = ["RateResult", "UnitResult", "assess"]


@dataclass(frozen=True, slots=True)
class RateResult:
    """A rate of a unit, 0–1, None where nothing is due. low, high: Wilson's limits of the plain rate.

    expected: of its mix of cases, at the hands of the others. adjusted: for the mix, as believed (fair). shrunk: adjusted and
    drawn towards the middle by how few cases there are.
    """

    key: str
    met: int
    due: int
    plain: float | None
    low: float | None
    high: float | None
    expected: float | None
    adjusted: float | None
    shrunk: float | None


@dataclass(frozen=True, slots=True)
class UnitResult:
    """A unit under a profile. value, grade, low, high: the plain score of the reference, 0–100. plain_order: its rank by that.

    ranked: the fair score and rank; None: too few cases, or a score that cannot be known.
    """

    unit: str
    counts: Mapping[str, int]
    value: float | None
    low: float | None
    high: float | None
    grade: str
    plain_order: int | None
    rates: tuple[RateResult, ...]
    ranked: Ranked | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Judged:
    """A rate of every unit. met, worth: adjusted for mix, in the cases it is worth."""

    results: tuple[RateResult, ...]
    met: Floats
    worth: Floats


def assess(profile: Profile, signs: Mapping[str, Sign], tally: Tally, seed: int = 0) -> list[UnitResult]:
    """Return every unit's results, in the tally's order."""
    columns = tally.columns()
    counts = [{key: int(column[at]) for key, column in columns.items()} for at in range(len(tally.units))]
    scores = [score_of(profile, one) for one in counts]
    values = [None if one.value is None else float(one.value) for one in scores]
    findings = look(signs, tally)
    tally = with_unseen(tally, findings, signs)
    judged = [_judged(rate, tally) for rate in profile.rates]
    tied = tally.correlation(profile.rates)
    points = [None if term.rate else _points(profile, at, tally) for at, term in enumerate(profile.terms)]
    standing = stand(
        profile, [one.met for one in judged], [one.worth for one in judged], points, tied, _enough(profile, counts, values), seed
    )
    orders = _orders(values)
    found = []
    for at, unit in enumerate(tally.units):
        rates = tuple(one.results[at] for one in judged)
        low, high = _limits(rates, scores[at].parts, tied) if values[at] is not None else (None, None)
        named = tuple(one for one in findings if one.unit == at)
        grade = grade_of(scores[at].value, profile)
        found.append(UnitResult(unit, counts[at], values[at], low, high, grade, orders[at], rates, standing[at], named))
    return found


def _judged(rate: Rate, tally: Tally) -> _Judged:
    met, due = (tally.per_unit(column) for column in tally.share(rate, fair=False))
    low, high = wilson(met, due)
    fair = standardise(len(tally.units), tally.unit, tally.strata, tally.stratum, *tally.share(rate, fair=True))
    believed = np.nan_to_num(fair.rate) * fair.worth
    shrunk = fit(believed, fair.worth).mean_of(believed, fair.worth)
    results = tuple(
        RateResult(
            rate.key, int(met[at]), int(due[at]), float(met[at] / due[at]) if due[at] else None, _known(low[at]),
            _known(high[at]), _known(fair.expected[at]), _known(fair.rate[at]), float(shrunk[at]) if fair.worth[at] > 0 else None,
        )
        for at in range(len(tally.units))
    )  # fmt: skip
    return _Judged(results, believed, fair.worth)


def _points(profile: Profile, at: int, tally: Tally) -> Floats:
    term = profile.terms[at]
    quantity = tally.per_unit(tally.summed(term.count, fair=True))
    return np.array([float(term.bands.points(round(one))) if term.bands else 0.0 for one in quantity])


def _enough(profile: Profile, counts: Sequence[Mapping[str, int]], values: Sequence[float | None]) -> npt.NDArray[np.bool_]:
    """Return which units have the cases to be ranked: of every rate, but for those that may be missing and are."""
    may_miss = profile.missing == "share"
    fewest = [min((one[rate.due] for rate in profile.rates if one[rate.due] or not may_miss), default=0) for one in counts]
    return np.array([few >= profile.least and value is not None for few, value in zip(fewest, values, strict=True)], dtype=bool)


def _orders(values: Sequence[float | None]) -> list[int | None]:
    """Return each unit's rank by the plain score; equal scores share one."""
    known = [value for value in values if value is not None]
    return [None if value is None else 1 + sum(other > value for other in known) for value in values]


def _limits(rates: Sequence[RateResult], parts: Sequence[Part], tied: Floats) -> tuple[float, float]:
    """Return the limits of a plain score: MOVER over the limits of its rates; points of a count are taken as they are."""
    of_rate = {one.key: (at, one) for at, one in enumerate(rates)}
    known = [part for part in parts if part.points is not None]
    whole = float(sum(part.term.weight for part in known))
    fixed = sum(float(part.term.weight * part.points) for part in known if part.points is not None and part.term.rate is None)
    chosen = [(*of_rate[part.term.rate.key], float(part.term.weight), part.term.rate.low) for part in known if part.term.rate]
    if not chosen:
        return fixed / whole, fixed / whole
    fixed += sum(100 * weight for _, _, weight, low in chosen if low)
    weights = np.array([-100 * weight if low else 100 * weight for _, _, weight, low in chosen])
    limits = np.array([(one.plain, one.low, one.high) for _, one, _, _ in chosen], dtype=float)
    at = [place for place, _, _, _ in chosen]
    below, above = mover(weights, limits[:, 0], limits[:, 1], limits[:, 2], tied[np.ix_(at, at)])
    return max(0.0, (fixed + below) / whole), min(100.0, (fixed + above) / whole)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
