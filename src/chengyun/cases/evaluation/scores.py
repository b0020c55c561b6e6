# SPDX-License-Identifier: Apache-2.0
"""The plain arithmetic of the reference: rates, composites, grades. Exact: counts in, fractions out.

Two slips of a public implementation are kept out by the types: a rate runs 0–1 and a score 0–100, and neither is ever
divided as whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from chengyun.cases.evaluation.counted import Counts
from chengyun.cases.evaluation.declared import Profile, Rate, Term

__all__ = ["Part", "Score", "grade_of", "rate_of", "score_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a score. points: 0–100, None where the denominator is 0. met, due: of a rate; for a count, the count twice."""

    term: Term
    points: Fraction | None
    met: int
    due: int


@dataclass(frozen=True, slots=True)
class Score:
    """A unit's score. value: 0–100, or None: it cannot be known. grade: "" without a value."""

    value: Fraction | None
    grade: str
    parts: tuple[Part, ...]


def rate_of(rate: Rate, counts: Counts) -> Fraction | None:
    """Return a rate, 0–1; None when nothing was due. Standard: GB/T 30428.4, as city_management_rate_formulas words it."""
    due = counts[rate.due]
    return Fraction(met_of(rate, counts), due) if due else None


def met_of(rate: Rate, counts: Counts) -> int:
    """Return a rate's numerator."""
    return counts[rate.met] - (counts[rate.less] if rate.less else 0)


def score_of(profile: Profile, counts: Counts) -> Score:
    """Return the score a profile gives a unit's counts."""
    parts = tuple(_part(term, counts) for term in profile.terms)
    value = combined([part.points for part in parts], profile)
    return Score(value, grade_of(value, profile), parts)


def combined(points: Sequence[Fraction | None], profile: Profile) -> Fraction | None:
    """Return the weighted mean of terms' points, as the profile treats unknown ones."""
    known = [(point, term.weight) for point, term in zip(points, profile.terms, strict=True) if point is not None]
    if not known or (profile.missing == "null" and len(known) < len(points)):
        return None
    return sum((point * weight for point, weight in known), Fraction(0)) / sum(weight for _, weight in known)


def grade_of(value: Fraction | float | None, profile: Profile) -> str:
    """Return the grade of a score, whose bounds are of 0–100 and belong to the better grade."""
    if value is None:
        return ""
    return next((grade for bound, grade in profile.grades if value >= bound), profile.grades[-1][1])


def _part(term: Term, counts: Counts) -> Part:
    if term.rate is None:
        quantity = counts[term.count]
        points = term.bands.points(quantity) if term.bands else None
        return Part(term, points, quantity, quantity)
    share = rate_of(term.rate, counts)
    points = None if share is None else 100 * (1 - share if term.rate.low else share)
    return Part(term, points, met_of(term.rate, counts), counts[term.rate.due])
