# SPDX-License-Identifier: Apache-2.0
"""A category as a sum of counted evidence: plain enough to be read, small enough to be kept in a row.

    score(c) = w₀ · log P(c)  +  Σ over groups g  w_g · Σ over its values v  log(1 + n(v, c) / (a · P(c | parent of g)))

n counts cases of category c with value v; P(c | parent) is what is expected of them without looking at v. A value not seen
with a category adds nothing to it. The weights, one per group, are fitted on cases later than those counted, so they also
say how far the counts can be believed (calibration); softmax makes probabilities of the scores. Only numpy is needed.
"""

from __future__ import annotations

import json
import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chengyun.cases.category.features import Facts, groups_of, parent_of

__all__ = ["FORMAT", "Model", "Said", "count", "fit_weights"]

FORMAT = 1
PULL = 1.0
"""a: how many cases of evidence weigh as much as what is expected without them."""
PRIOR = 0.5
"""Cases every category is taken to have had."""
STEPS = 120
MOST_FITTED = 4000
"""Cases the weights are fitted on, spread evenly over those given: there are only some thirty weights."""
LEAST_WEIGHT = 0.005
PENALTY = 1e-4

Vector = NDArray[np.float64]
Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of evidence for a category. weight: what it adds to the score. seen, of: in how many cases of the value."""

    group: str
    value: str
    weight: float
    seen: float
    of: float


@dataclass(slots=True)
class Model:
    """categories: codes, in the order of every vector. counts: group → value → {place of category: cases}."""

    categories: tuple[str, ...]
    totals: Vector
    counts: dict[str, dict[str, dict[int, float]]]
    weights: dict[str, float] = field(default_factory=dict)
    threshold: float = 0.0
    _parents: dict[tuple[str, str], Vector] = field(default_factory=dict, repr=False)

    def probabilities(self, facts: Facts) -> Vector:
        """Return the probability of every category."""
        return _softmax(self._scores(groups_of(facts)))

    def reasons(self, facts: Facts, category: int, limit: int = 3) -> list[Said]:
        """Return what speaks most for a category, the strongest first."""
        found = []
        for group, values in groups_of(facts).items():
            weight = self.weights.get(group, 0.0)
            for value, own in self._evidence(group, values):
                if category in own:
                    seen = self.counts[group][value]
                    found.append(Said(group, value, weight * own[category], seen[category], sum(seen.values())))
        found.sort(key=lambda one: -one.weight)
        return [one for one in found[:limit] if one.weight > 0]

    def slim(self) -> Model:
        """Return the model without what its weights make no use of, and without closer looks at a single case."""
        used = {group: weight for group, weight in self.weights.items() if not group or weight >= LEAST_WEIGHT}
        parents = {parent for group in used if (parent := parent_of(group))}
        counts = {
            group: {value: seen for value, seen in values.items() if "@" not in group or sum(seen.values()) > 1}
            for group, values in self.counts.items()
            if group in used or group in parents
        }
        return Model(self.categories, self.totals, counts, used, self.threshold)

    def dump(self) -> bytes:
        """Return the model as a file: zlib of JSON."""
        counts = {
            group: {value: [part for pair in sorted(seen.items()) for part in pair] for value, seen in sorted(values.items())}
            for group, values in sorted(self.counts.items())
        }
        whole = {
            "format": FORMAT, "categories": self.categories, "totals": self.totals.tolist(), "weights": self.weights,
            "threshold": self.threshold, "counts": counts,
        }  # fmt: skip
        return zlib.compress(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode(), 6)

    @classmethod
    def load(cls, data: bytes) -> Model:
        """Return the model of a file. Raises ValueError for a format this program does not know."""
        whole: dict[str, Any] = json.loads(zlib.decompress(data))
        if whole["format"] != FORMAT:
            raise ValueError(f"The category model has format {whole['format']!r}, expected {FORMAT}. Train it again.")
        counts = {
            group: {value: dict(zip(map(int, flat[::2]), flat[1::2], strict=True)) for value, flat in values.items()}
            for group, values in whole["counts"].items()
        }
        return cls(tuple(whole["categories"]), np.array(whole["totals"]), counts, whole["weights"], whole["threshold"])

    def _scores(self, groups: Groups) -> Vector:
        scores: Vector = self.weights.get("", 1.0) * np.log(self._share())
        for group, values in groups.items():
            weight = self.weights.get(group, 0.0)
            if weight:
                for _, own in self._evidence(group, values):
                    for place, amount in own.items():
                        scores[place] += weight * amount
        return scores

    def _evidence(self, group: str, values: Sequence[str]) -> Iterable[tuple[str, dict[int, float]]]:
        """Yield what each value adds to each category it was seen with, before the group's weight."""
        known = self.counts.get(group)
        if known is None or not values:
            return
        # Many words of one sentence say the same thing: they are heard together as the square root of their number.
        share = 1.0 / math.sqrt(len(values))
        for value in values:
            seen = known.get(value)
            if seen:
                expected = self._expected(group, value)
                yield value, {at: share * math.log1p(n / (PULL * expected[at])) for at, n in seen.items()}

    def _expected(self, group: str, value: str) -> Vector:
        parent = parent_of(group)
        if parent is None:
            return self._share()
        return self._within(parent, value.rpartition("|")[0])

    def _within(self, group: str, value: str) -> Vector:
        known = self._parents.get((group, value))
        if known is None:
            known = PULL * self._share()
            for place, n in self.counts.get(group, {}).get(value, {}).items():
                known[place] += n
            known /= known.sum()
            self._parents[group, value] = known
        return known

    def _share(self) -> Vector:
        known = self._parents.get(("", ""))
        if known is None:
            known = self._parents["", ""] = (self.totals + PRIOR) / (self.totals + PRIOR).sum()
        return known.copy()


def count(cases: Iterable[tuple[Facts, str]]) -> Model:
    """Return a model that has counted the cases, not weighted yet."""
    places: dict[str, int] = {}
    totals: dict[int, float] = defaultdict(float)
    counts: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for facts, category in cases:
        place = places.setdefault(category, len(places))
        totals[place] += 1
        for group, values in groups_of(facts).items():
            for value in values:
                counts[group][value][place] += 1
    plain = {group: {value: dict(seen) for value, seen in values.items()} for group, values in counts.items()}
    return Model(tuple(places), np.array([totals[at] for at in range(len(places))]), plain)


def fit_weights(model: Model, cases: Sequence[tuple[Facts, str]]) -> dict[str, float]:
    """Return the weights with which the model's probabilities fit cases it has not counted best (log loss, gradient descent).

    No weight is below zero: evidence never speaks against what it was seen with.
    """
    known = {code: place for place, code in enumerate(model.categories)}
    rows = [(groups_of(facts), known[code]) for facts, code in cases if code in known]
    rows = rows[:: max(1, len(rows) // MOST_FITTED)]
    names = ["", *sorted(model.counts)]
    if not rows:
        return dict.fromkeys(names, 1.0)
    evidence = np.zeros((len(names), len(rows), len(known)), dtype=np.float32)
    evidence[0] = np.log(model._share())
    for at, (groups, _) in enumerate(rows):
        for number, name in enumerate(names):
            for _, own in model._evidence(name, groups.get(name, ())):
                for place, amount in own.items():
                    evidence[number, at, place] += amount
    truth = np.array([place for _, place in rows])
    return dict(zip(names, map(float, _descend(evidence, truth)), strict=True))


def _descend(evidence: NDArray[np.float32], truth: NDArray[np.int_]) -> Vector:
    """Return the weights of least log loss, by Adam from an even start."""
    groups, rows, _ = evidence.shape
    weights = np.full(groups, 1.0 / math.sqrt(groups))
    first, second = np.zeros(groups), np.zeros(groups)
    right = evidence[:, np.arange(rows), truth].mean(axis=1)
    for step in range(1, STEPS + 1):
        chances = _softmax(np.tensordot(weights.astype(np.float32), evidence, axes=1))
        slope = np.tensordot(evidence, chances.astype(np.float32), axes=([1, 2], [0, 1])) / rows - right + PENALTY * weights
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        move = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(0.0, weights - 0.1 * (1 - step / (STEPS + 1)) * move)
    return np.asarray(weights, dtype=np.float64)


def _softmax(scores: NDArray[Any]) -> Vector:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
