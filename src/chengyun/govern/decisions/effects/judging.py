# SPDX-License-Identifier: Apache-2.0
"""Did it work? A verdict with what it assumes, or why there is none. The rules are fixed here, before any data are seen.

too little data, areas that moved apart before, a mixture that fits badly ──→ refused, with the reason
p < 5 %, the interval on one side of zero, more than the trends' own drift ──→ as expected, or the opposite
anything else ────────────────────────────────────────────────────────────→ not shown: which is not "no effect"
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from chengyun.govern.decisions.effects import differences, synthetic
from chengyun.govern.decisions.effects.panels import Panel

__all__ = ["EDITION", "Judgement", "Method", "judge"]

EDITION = "3"
"""Changes whenever the same panel could be judged otherwise; kept with every judgement."""
LEVEL = 0.05
"""Nothing is said to have worked that so many placebos equal. A mixture is ranked among few dozen groups like it: at just this
level it would flag just one placebo in twenty, and more in half of all months (50 of 969 over three simulated ones)."""
FEWEST_BEFORE = {"differences": 6, "synthetic": 12}
FEWEST_AFTER = 2
FEWEST_OTHERS = {"differences": 3, "synthetic": synthetic.FEWEST_OTHERS}
ASSUMES = {
    "differences": ("parallel", "no_spillover", "no_other_change", "alike", "independent"),
    "synthetic": ("mixture", "no_spillover", "no_other_change", "alike"),
}

Method = Literal["differences", "synthetic"]
State = Literal["as_expected", "opposite", "not_shown", "refused"]


@dataclass(frozen=True)
class Judgement:
    """What was found.

    reasons: codes of why refused. assumes: codes of what the verdict rests on. value, low, high: of the effect, in the
    indicator's unit; level: of the interval. p: how often a placebo does as much; checks: of the time before.
    size: how the interval stands to the size expected: "reached", "within", "short", "" when none was named.
    lines: treated and comparison (or mixture) by period, for the picture.
    """

    state: State
    method: Method
    edition: str
    reasons: tuple[str, ...]
    assumes: tuple[str, ...]
    areas: Mapping[str, int]
    periods: Mapping[str, int]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    p: float | None = None
    least_p: float | None = None
    checks: Mapping[str, float] = field(default_factory=dict)
    drift: float | None = None
    size: str = ""
    lines: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def judge(panel: Panel, method: Method, rise: bool, size: float | None, seed: int) -> Judgement:
    """Judge a panel by a method chosen beforehand. rise: the direction expected. size: at least how much, not negative."""
    reasons = _too_little(panel, method)
    if reasons:
        return _told(panel, method, "refused", reasons)
    try:
        return (_differences if method == "differences" else _synthetic)(panel, rise, size, seed)
    except ValueError:
        return _told(panel, method, "refused", ("no_variation",))


def _too_little(panel: Panel, method: Method) -> tuple[str, ...]:
    treated = int(panel.treated.sum())
    others = len(panel.areas) - treated
    found = []
    if treated < 1:
        found.append("no_treated")
    if others < FEWEST_OTHERS[method]:
        found.append("few_others")
    if panel.start < FEWEST_BEFORE[method]:
        found.append("short_before")
    if len(panel.periods) - panel.start < FEWEST_AFTER:
        found.append("short_after")
    return tuple(found)


def _differences(panel: Panel, rise: bool, size: float | None, seed: int) -> Judgement:
    found = differences.estimate(panel, seed)
    effect = found.effect
    reasons = []
    if found.trend.p <= LEVEL:
        reasons.append("not_parallel")
    if found.early.p <= LEVEL:
        reasons.append("early_effect")
    if effect.least_p >= LEVEL:
        reasons.append("few_areas")
    same_way = found.drift * effect.value > 0
    sure = (
        effect.p < LEVEL and not effect.low <= 0 <= effect.high
        and not (same_way and abs(found.drift) >= abs(effect.value))
    )  # fmt: skip
    lines = {
        "treated": _mean(panel, panel.treated), "others": _mean(panel, ~panel.treated),
    }  # fmt: skip
    return _told(
        panel, "differences", "refused" if reasons else _state(effect.value, sure, rise), tuple(reasons),
        value=effect.value, low=effect.low, high=effect.high, level=1 - LEVEL, p=effect.p, least_p=effect.least_p,
        checks={"trend": found.trend.p, "early": found.early.p}, drift=found.drift,
        size=_size(effect.low, effect.high, rise, size), lines=lines,
    )  # fmt: skip


def _synthetic(panel: Panel, rise: bool, size: float | None, seed: int) -> Judgement:
    found = synthetic.estimate(panel, seed, 1 - LEVEL)
    reasons = []
    if found.misfit > synthetic.WORST_FIT * found.usual_misfit:
        reasons.append("bad_fit")
    if found.early_p <= LEVEL:
        reasons.append("early_effect")
    if found.least_p >= LEVEL:
        reasons.append("few_areas")
    if found.low is None or found.high is None:
        reasons.append("unbounded")
    low = -math.inf if found.low is None else found.low
    high = math.inf if found.high is None else found.high
    sure = found.p < LEVEL and not low <= 0 <= high
    return _told(
        panel, "synthetic", "refused" if reasons else _state(found.value, sure, rise), tuple(reasons),
        value=found.value, low=found.low, high=found.high, level=found.level, p=found.p, least_p=found.least_p,
        checks={"early": found.early_p, "fit": found.misfit / found.usual_misfit},
        size=_size(low, high, rise, size),
        lines={"treated": _mean(panel, panel.treated), "others": found.mixture},
    )  # fmt: skip


def _told(panel: Panel, method: Method, state: State, reasons: tuple[str, ...], **more: Any) -> Judgement:
    treated = int(panel.treated.sum())
    return Judgement(
        state=state, method=method, edition=EDITION, reasons=reasons, assumes=ASSUMES[method],
        areas={"treated": treated, "others": len(panel.areas) - treated, "dropped": len(panel.dropped)},
        periods={"before": panel.start, "after": len(panel.periods) - panel.start, "lost": panel.lost},
        labels=panel.periods, **more,
    )  # fmt: skip


def _state(value: float, sure: bool, rise: bool) -> State:
    if not sure:
        return "not_shown"
    return "as_expected" if (value > 0) == rise else "opposite"


def _size(low: float, high: float, rise: bool, size: float | None) -> str:
    if size is None:
        return ""
    least, most = (low, high) if rise else (-high, -low)
    if least >= size:
        return "reached"
    return "within" if most >= size else "short"


def _mean(panel: Panel, which: np.ndarray) -> tuple[float, ...]:
    return tuple(float(one) for one in panel.values[which].mean(axis=0))
