# SPDX-License-Identifier: Apache-2.0
"""Measurement of ask-once: how many of the fields planted in 300 made-up forms are found, and how many namings are right.

The forms and their truth are made by generated.py, which knows nothing of the matcher. Both were written by the same hand, so the
figure is what the method can do on wording of that kind, not a promise for every office's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from chengyun.bench.frame import Bench, Result

__all__ = ["BENCHES"]

FORMS = 300


def ask_once() -> list[Result]:
    """Return the share of planted overlaps that is found, and the share of namings that is right."""
    from chengyun.share.askonce.generated import generate  # numbers and words that only measuring needs

    found, right, seconds, questions = _tried(list(generate(FORMS)))
    unseen_found, unseen_right, _seconds, _questions = _tried(list(generate(FORMS, part=1)))
    beside = {
        "questions": f"{questions}", "a question": f"{1000 * seconds / questions:.2f} ms",
        "wording the weights have not seen": f"{unseen_found:.1f} % found at {unseen_right:.1f} %",
        "calibration error": f"{_calibration():.3f}",
    }  # fmt: skip
    notes = (
        "Generated forms with synonyms, abbreviations, other order, units and types, and decoys; truth apart from the matcher."
    )
    return [
        Result(name="ask-once", value=found, unit="%", target=95, better="higher", compared=beside, notes=notes),
        Result(
            name="ask-once-right", value=right, unit="%", target=98, better="higher", notes="Namings that are right: precision."
        ),
    ]


def _tried(planted: Sequence[object]) -> tuple[float, float, float, int]:
    from chengyun.share.askonce.generated import ELEMENTS, Planted
    from chengyun.share.askonce.matching import Matcher, surely

    matcher = Matcher(ELEMENTS)
    begun = time.perf_counter()
    named = [(one, surely(matcher, one.asked)) for one in planted if isinstance(one, Planted)]
    seconds = time.perf_counter() - begun
    right = sum(bool(element) and element == one.element for one, element in named)
    overlapping = sum(bool(one.element) for one, _element in named)
    claimed = sum(bool(element) for _one, element in named)
    return 100 * right / overlapping, 100 * right / claimed, seconds, len(named)


def _calibration() -> float:
    import numpy as np

    from chengyun.share.askonce.generated import generate
    from chengyun.share.askonce.matching import score_of
    from chengyun.share.askonce.training import calibration_error, examples

    features, truth = examples(generate(FORMS, part=1))
    return calibration_error(np.array([score_of(row) for row in features]), truth)


BENCHES: dict[str, Bench] = {"ask-once": ask_once}
