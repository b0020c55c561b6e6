# SPDX-License-Identifier: Apache-2.0
"""Which units' figures were made rather than earned: one declared test for each way, all tests of a table judged together.

A unit is held against the scatter of all *other* units (leave one out), not against their mean: honest units differ too. What is
named is what stays after Benjamini–Hochberg over every unit and every sign, and lies above the others by the declared excess.
A name is a reason to look at the cases behind it, which are linked; it is no verdict.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from chengyun.cases.evaluation.counted import BIT
from chengyun.cases.evaluation.declared import Sign
from chengyun.cases.evaluation.discovery import adjusted
from chengyun.cases.evaluation.shrinkage import Prior, fit, tail_above
from chengyun.cases.evaluation.tally import Floats, Tally

__all__ = ["Finding", "look", "with_unseen"]

FEWEST = 5
"""Units a comparison needs: with fewer, nothing can be said of how honest ones differ."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sign at a unit. others: the other units' share. p, q: of the test alone, and among all tests. named: it stands out."""

    unit: int
    sign: str
    met: int
    due: int
    others: float
    p: float
    q: float
    named: bool


def look(signs: Mapping[str, Sign], tally: Tally) -> list[Finding]:
    """Return every test's outcome: unit by unit, sign by sign; none where too few units can be compared."""
    asked: list[tuple[Sign, int, int, int, Prior, float]] = []
    for sign in signs.values():
        met, due = (tally.per_unit(tally.summed(count, fair=False)) for count in (sign.met, sign.due))
        if np.count_nonzero(due) < FEWEST:
            continue
        for unit in np.flatnonzero(due):
            others = np.arange(len(due)) != unit
            prior = _widened(fit(met[others], due[others]), int(np.count_nonzero(due[others])))
            asked.append((sign, int(unit), int(met[unit]), int(due[unit]), prior, _share(met[others], due[others])))
    if not asked:
        return []
    p_values = [tail_above(met, due, prior) for _, _, met, due, prior, _ in asked]
    q_values = adjusted(p_values)
    return [
        Finding(
            unit, sign.key, met, due, others, p, float(q), bool(q <= sign.level and met / due - others >= sign.excess)
        )
        for (sign, unit, met, due, _, others), p, q in zip(asked, p_values, q_values, strict=True)
    ]  # fmt: skip


def with_unseen(tally: Tally, findings: Iterable[Finding], signs: Mapping[str, Sign]) -> Tally:
    """Return the tally as believed of named units: for every trace above the others' share, those that left none.

    Of a unit that is not named nothing is taken. The share that leaves a trace is declared with the sign.
    """
    tainted = {name: getattr(tally, name).copy() for name in ("doubt", "coaxed", "ghost")}
    for one in findings:
        sign = signs[one.sign]
        if not one.named or not sign.taints:
            continue
        unseen = (one.met - one.others * one.due) * (1 / sign.seen - 1)
        among = (tally.unit == one.unit) & (tally.fair >> BIT[sign.among] & 1 == 1)
        column = tainted[sign.taints]
        whole = float((tally.times[among] * (1 - column[among])).sum())
        if whole > 0:
            column[among] = 1 - (1 - column[among]) * max(0.0, 1 - unseen / whole)
    return dataclasses.replace(tally, **tainted)


def _share(met: Floats, due: Floats) -> float:
    return float(met.sum() / due.sum()) if due.sum() else 0.0


def _widened(prior: Prior, units: int) -> Prior:
    """Return a prior that scatters more, as much as a scatter found from so few units may be too small.

    The upper quartile of a variance estimated with units − 1 degrees of freedom (Wilson and Hilferty's approximation of χ²).
    """
    freedom = max(1, units - 1)
    factor = (1 - 2 / (9 * freedom) - 0.6745 * (2 / (9 * freedom)) ** 0.5) ** -3 if freedom > 2 else 3.0
    return Prior(prior.a / factor, prior.b / factor)
