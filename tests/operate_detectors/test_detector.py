# SPDX-License-Identifier: Apache-2.0
"""Detectors: the same whatever the batches, the same after a restart, quiet when nothing is wrong, loud when something is."""

from __future__ import annotations

import numpy as np
import pytest

from chengyun.errors import Malformed
from chengyun.operate.detectors.watch import Detector

HOUR = 3600
DAYS = 28


def course(entities: int, quantities: int, seed: int = 1, days: int = DAYS) -> np.ndarray:
    """Return (hours, entities, quantities): a daily wave, another at weekends, and noise that quantities share in part."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    wave = 20 + 10 * np.sin(hours / 24 * 2 * np.pi) * np.where(hours // 24 % 7 < 5, 1.0, 0.4)
    shared = rng.normal(size=(len(hours), entities, 1))
    own = rng.normal(size=(len(hours), entities, quantities))
    return wave[:, None, None] + 0.98 * shared + 0.2 * own


def feed(detector: Detector, values: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Judge hours in batches that end at the cuts; return the odds (hours, entities)."""
    odds = np.ones(values.shape[:2])
    entities = values.shape[1]
    for low, high in zip([0, *cuts], [*cuts, len(values)], strict=True):
        slot = np.repeat(np.arange(entities), high - low)
        time = np.tile(np.arange(low, high) * HOUR, entities)
        judged = detector.judge(slot, time, values[low:high].transpose(1, 0, 2).reshape(-1, values.shape[2]))
        detector.settle(judged)
        odds[low:high] = judged.odds.reshape(entities, high - low).T
    return odds


@pytest.mark.parametrize("quantities", [1, 3])
def test_batches_change_nothing(quantities):
    values = course(4, quantities, days=8)
    values[50:60, 1, 0] = np.nan
    values[100] += 30.0
    whole, one, cut = (Detector(quantities, 4) for _ in range(3))
    expected = feed(whole, values, [])
    assert (feed(one, values, list(range(1, len(values)))) == expected).all()
    assert (feed(cut, values, [3, 4, 60, 61, 150]) == expected).all()
    assert whole.memory.tobytes() == one.memory.tobytes() == cut.memory.tobytes()
    assert expected[100].max() < 1e-3


def test_judging_alone_changes_nothing():
    detector = Detector(1, 2)
    feed(detector, course(2, 1, days=2), [])
    before = detector.memory.tobytes()
    detector.judge(np.array([0, 1]), np.array([0, 0]), np.array([[500.0], [1.0]]))
    assert detector.memory.tobytes() == before


def test_a_restart_changes_nothing():
    values = course(3, 2, days=8)
    kept = Detector(2, 3)
    feed(kept, values[:100], [])
    taken = Detector(2, 1)
    taken.widen(np.array([0, 1]))
    for slot, one in enumerate(kept.saved(np.arange(3))):
        taken.restore(slot, one)
    assert (feed(kept, values[100:], []) == feed(taken, values[100:], [])).all()
    with pytest.raises(Malformed, match="another version"):
        Detector(3, 1).restore(0, kept.saved(np.arange(1))[0])


def test_alarms_by_chance_are_no_more_than_declared():
    odds = feed(Detector(1, 300), course(300, 1, seed=5), [])[24 * 7 :]
    for limit in (1e-2, 1e-3):
        assert (odds < limit).mean() < 1.5 * limit


def test_a_night_value_at_noon_is_odd():
    values = course(40, 1, seed=2)
    noon = 24 * 23 + 6
    usual = feed(Detector(1, 40), values, [])
    values[noon] = values[noon - 12]
    found = feed(Detector(1, 40), values, [])
    assert (found[noon] < 1e-3).mean() > 0.95
    assert (usual[noon] < 1e-3).mean() < 0.05


def test_values_that_each_occur_are_odd_together():
    values = course(40, 2, seed=3)
    moment = 24 * 23 + 3
    values[moment, :, 0] += 2.0
    values[moment, :, 1] -= 2.0
    together = feed(Detector(2, 40), values, [])
    alone = feed(Detector(1, 40), values[:, :, :1], [])
    assert (together[moment] < 1e-3).mean() > 0.9
    assert (alone[moment] < 1e-3).mean() < 0.3


def test_a_row_without_values_says_and_teaches_nothing():
    detector = Detector(2, 1)
    feed(detector, course(1, 2, days=1), [])
    before = detector.memory.tobytes()
    judged = detector.judge(np.array([0]), np.array([0]), np.array([[np.nan, np.nan]]))
    detector.settle(judged)
    assert judged.odds.tolist() == [1.0]
    assert detector.memory.tobytes() == before
