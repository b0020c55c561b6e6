# SPDX-License-Identifier: Apache-2.0
"""The scorer of NAB against what follows from its definition, and against a published detector's published score."""

from __future__ import annotations

import numpy as np
import pytest

from chengyun.operate.detectors import nab
from chengyun.operate.detectors.benches import GAUSSIAN_THRESHOLD, nab_score, windowed_gaussian

SERIES = nab.Series("made up", np.arange(1000), np.zeros(1000), ((400, 499), (700, 799)))
STANDARD = nab.PROFILES[0]


def found(*rows: int) -> np.ndarray:
    scores = np.zeros(len(SERIES))
    scores[list(rows)] = 1.0
    return scores


@pytest.mark.parametrize(
    ("rows", "raw"),
    [
        ((), -2.0),
        ((400, 700), 2.0),
        ((400, 499, 700), 2.0),  # only the best of a window counts
        ((400,), 0.0),
        ((10, 149, 400, 700), 2.0),  # probation is not scored
        ((150, 400, 700), 2.0 - 0.11),  # before any window a false alarm costs all of it
        ((400, 500, 700), 2.0 + 0.11 * (2 / (1 + np.exp(5 / 99)) - 1)),  # just behind one hardly anything
    ],
)
def test_what_rows_are_worth(rows, raw):
    assert nab.raw_score([SERIES], [found(*rows)], STANDARD, 0.5) == pytest.approx(raw, abs=1e-9)


def test_the_scale_runs_from_nothing_to_perfect():
    for profile in nab.PROFILES:
        assert nab.best([SERIES], [found()], profile).score == 0.0
        assert nab.best([SERIES], [found(400, 700)], profile).score == pytest.approx(100.0)


def test_the_best_threshold_is_better_than_any_other():
    scores = np.random.default_rng(3).random(len(SERIES)).round(2)
    best = nab.best([SERIES], [scores], STANDARD)
    raws = [nab.raw_score([SERIES], [scores], STANDARD, threshold) for threshold in np.unique(scores)]
    assert best.raw == pytest.approx(max([*raws, -2.0]))
    assert nab.raw_score([SERIES], [scores], STANDARD, best.threshold) == pytest.approx(best.raw)


def test_a_published_detector_scores_what_was_published(shared):
    corpus = nab.read_corpus(shared / "data" / "nab")
    assert (len(corpus), sum(len(series.windows) for series in corpus)) == (17, 22)
    scores = [windowed_gaussian(series.values) for series in corpus]
    raw = nab.raw_score(corpus, scores, STANDARD, GAUSSIAN_THRESHOLD)
    assert raw == pytest.approx(-11.19, abs=0.01)
    assert nab.normalised(raw, 22, STANDARD) == pytest.approx(24.6, abs=0.05)


def test_better_than_the_best_published_detector(shared, monkeypatch):
    monkeypatch.setenv("CHENGYUN_BENCH_SHARED", str(shared))
    standard, low_fp, low_fn = nab_score()
    assert standard.holds, standard.line()
    assert low_fp.value < standard.value < low_fn.value
