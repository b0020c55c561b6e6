# SPDX-License-Identifier: Apache-2.0
"""Training in the order of time, and what a trained model is worth on cases later than all it has seen.

    ├──────── counted ────────┼── weights fitted ──┼─ threshold, card ─┤      then all of it is counted under those weights
              70 %                    20 %                10 %

The card says how good the last slice was guessed by the model and by plain baselines. A model that is not better than
every baseline, or whose probabilities are off by more than WORST_ECE, is kept with its card but never suggests anything.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chengyun.cases.category.features import Facts, groups_of
from chengyun.cases.category.model import Model, count, fit_weights
from chengyun.errors import Refused

__all__ = ["ABSTAINED", "FEWEST", "WORST_ECE", "Card", "Example", "baselines", "judge", "train"]

FEWEST = 200
"""Cases below which nothing is learnt: a slice of a tenth would be twenty of them."""
ABSTAINED = 0.2
"""Share of reports left to a person: those the model is least sure of."""
WORST_ECE = 0.05
BINS = 15

Example = tuple[Facts, str]
Guess = Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Card:
    """How good guesses were. error: share guessed wrongly; kept_error: of those left after ABSTAINED of them were given up.

    ece: expected calibration error in 15 bins of equal width. plain: error of each baseline. best_plain: the least of them.
    """

    cases: int
    categories: int
    error: float
    kept_error: float
    ece: float
    plain: dict[str, float]

    @property
    def best_plain(self) -> float:
        return min(self.plain.values())

    @property
    def good(self) -> bool:
        """Whether the model may suggest: better than counting alone, and honest about how sure it is."""
        return self.error < self.best_plain and self.ece <= WORST_ECE

    def as_json(self) -> dict[str, Any]:
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()} | {
            "plain": {name: round(value, 4) for name, value in self.plain.items()},
            "good": self.good,
        }


def train(examples: Sequence[Example], plain: Sequence[str] = ("district", "said")) -> tuple[Model, Card]:
    """Return a model of examples in the order of time, and its card. plain: groups whose most frequent category is a baseline.

    Raises Refused for fewer than FEWEST.
    """
    if len(examples) < FEWEST:
        raise Refused(f"There are {len(examples)} decided cases to learn from, expected {FEWEST} or more.", code="too_few")
    first, second = int(len(examples) * 0.7), int(len(examples) * 0.9)
    weights = fit_weights(count(examples[:first]), examples[first:second])
    tried = count(examples[:second])
    tried.weights = weights
    last = examples[second:]
    sure = [float(tried.probabilities(facts).max()) for facts, _ in last]
    card = judge(tried, last, baselines(examples[:second], plain))
    whole = count(examples)
    whole.weights = weights
    whole.threshold = float(np.quantile(sure, ABSTAINED))
    return whole.slim(), card


def judge(model: Model, cases: Sequence[Example], plain: dict[str, Guess]) -> Card:
    """Return how good a model and the baselines are on cases."""
    sure, right = np.empty(len(cases)), np.empty(len(cases), dtype=bool)
    for at, (facts, code) in enumerate(cases):
        chances = model.probabilities(facts)
        best = int(chances.argmax())
        sure[at], right[at] = chances[best], model.categories[best] == code
    kept = np.argsort(sure, kind="stable")[int(ABSTAINED * len(cases)) :]
    missed = {name: float(np.mean([guess(facts) != code for facts, code in cases])) for name, guess in plain.items()}
    return Card(
        cases=len(cases), categories=len({code for _, code in cases}), error=float(1 - right.mean()),
        kept_error=float(1 - right[kept].mean()), ece=_calibration(sure, right), plain=missed,
    )  # fmt: skip


def baselines(cases: Sequence[Example], groups: Sequence[str]) -> dict[str, Guess]:
    """Return plain guesses: the most frequent category of all, and of the same value of each group (`said@district` …)."""
    whole = Counter(code for _, code in cases).most_common(1)[0][0]
    found: dict[str, Guess] = {"most frequent": lambda _: whole}
    for group in groups:
        found[f"most frequent by {group.replace('@', ' and ')}"] = _by(cases, group, whole)
    return found


def _by(cases: Sequence[Example], group: str, otherwise: str) -> Guess:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for facts, code in cases:
        for value in groups_of(facts).get(group, ()):
            seen[value][code] += 1
    most = {value: counter.most_common(1)[0][0] for value, counter in seen.items()}

    def guess(facts: Facts) -> str:
        value = next(iter(groups_of(facts).get(group, ())), "")
        return most.get(value, otherwise)

    return guess


def _calibration(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    apart = 0.0
    for one in range(BINS):
        inside = bins == one
        if inside.any():
            apart += inside.mean() * abs(float(sure[inside].mean()) - float(right[inside].mean()))
    return float(apart)
