# SPDX-License-Identifier: Apache-2.0
"""Fits the weights of the matcher: logistic regression on generated forms, written to weights.toml as data anyone can read.

`python -m chengyun.share.askonce.training` writes the file anew. It learns from one half of the ways things are said; the bench
also tells how well the score does on the half it has not seen.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from chengyun.share.askonce.generated import ELEMENTS, Planted, generate
from chengyun.share.askonce.matching import FEATURES, HERE, Matcher

__all__ = ["calibration_error", "examples", "fit"]

Floats = npt.NDArray[np.float64]
SEED, FORMS, RIDGE, ROUNDS = 7, 400, 2.0, 40


def examples(planted: Iterable[Planted]) -> tuple[Floats, Floats]:
    """Return features of each question's likeliest elements, and whether each is the one that is asked."""
    matcher = Matcher(ELEMENTS)
    rows, truth = [], []
    for one in planted:
        for match in matcher.best(one.asked, most=4, least=0.0):
            rows.append([match.because[name] for name in FEATURES])
            truth.append(float(match.element == one.element))
    return np.array(rows), np.array(truth)


def fit(features: Floats, truth: Floats) -> Floats:
    """Return the weights, the last one the bias, by Newton's method with a ridge."""
    x = np.hstack([features, np.ones((len(features), 1))])
    weights = np.zeros(x.shape[1])
    ridge = np.diag([RIDGE] * features.shape[1] + [0.0])
    for _round in range(ROUNDS):
        given = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (given - truth) + ridge @ weights
        bend = (x * (given * (1 - given))[:, None]).T @ x + ridge + 1e-9 * np.eye(x.shape[1])
        step = np.linalg.solve(bend, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def calibration_error(scores: Floats, truth: Floats, bins: int = 15) -> float:
    """Return how far scores are from the share that is right among those of that score, on average."""
    places = np.minimum((scores * bins).astype(int), bins - 1)
    total = 0.0
    for place in range(bins):
        here = places == place
        if here.any():
            total += here.mean() * abs(scores[here].mean() - truth[here].mean())
    return float(total)


def _write() -> None:
    weights = fit(*examples(generate(FORMS, SEED, part=0)))
    lines = [f"{name} = {value:.3f}" for name, value in zip((*FEATURES, "bias"), weights, strict=True)]
    head = (
        "# How features make a score (matching.py), fitted by training.py on generated forms. Written by a program.\n[weights]\n"
    )
    (HERE / "weights.toml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
