# SPDX-License-Identifier: Apache-2.0
"""How well the detectors find what is known to be wrong: the Numenta Anomaly Benchmark, on the files that are there.

CHENGYUN_BENCH_SHARED names the folder that holds data/nab.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from chengyun.bench.frame import Bench, Result
from chengyun.operate.detectors import nab, seasonal
from chengyun.operate.detectors.episodes import news

PUBLISHED = {"ARTime": 81.8, "Numenta HTM": 69.6, "CAD OSE": 68.1, "relative entropy": 64.4, "windowed Gaussian": 24.6}
"""Standard profile on the same 17 files, from the published results of each detector (thresholds tuned on all 58)."""
GAUSSIAN_RAW = -11.19
"""Published raw score of the windowed Gaussian on the same files: what checks the scorer."""
GAUSSIAN_THRESHOLD = 1.0 - 1e-12


def nab_score() -> list[Result]:
    """Score the seasonal detector on NAB: one set of parameters, one threshold a profile for all files, no look ahead."""
    folder = os.environ.get("CHENGYUN_BENCH_SHARED", "")
    corpus = nab.read_corpus((Path(folder) if folder else Path.cwd().parent / "shared") / "data" / "nab")
    began = time.perf_counter()
    scores = [news(one) for one in surprises(corpus)]
    took = time.perf_counter() - began
    rows = sum(map(len, corpus))
    gaussian = [windowed_gaussian(series.values) for series in corpus]
    raw = nab.raw_score(corpus, gaussian, nab.PROFILES[0], GAUSSIAN_THRESHOLD)
    results = []
    for profile in nab.PROFILES:
        found = nab.best(corpus, scores, profile)
        compared = {
            "threshold from the other files": f"{held_out(corpus, scores, profile):.1f}",
            "windows found": f"{found.hits} of {sum(len(series.windows) for series in corpus)}",
            "false alarms": f"{found.alarms} in {rows:,} rows",
        }
        if profile is nab.PROFILES[0]:
            compared |= {name: str(score) for name, score in PUBLISHED.items()}
            compared |= {
                "scorer": f"windowed Gaussian raw {raw:.2f}, published {GAUSSIAN_RAW}",
                "rows": f"{rows / took:,.0f}/s",
            }
        name = "nab" if profile is nab.PROFILES[0] else f"nab {profile.name}"
        target = PUBLISHED["ARTime"] if profile is nab.PROFILES[0] else None
        notes = (
            f"{len(corpus)} files; threshold {found.threshold:.2f} chosen over them as NAB does; 0 finds nothing, 100 is perfect."
        )
        results.append(
            Result(name=name, value=found.score, unit="points", target=target, better="higher", compared=compared, notes=notes)
        )
    return results


def surprises(corpus: Sequence[nab.Series]) -> list[np.ndarray]:
    """Return the surprise of every row of every file, all files side by side as so many entities."""
    found = [np.zeros(len(series)) for series in corpus]
    memory = seasonal.blank(len(corpus))
    for row in range(max(map(len, corpus))):
        live = [number for number, series in enumerate(corpus) if row < len(series)]
        part = memory[live]
        local_s = np.array([corpus[number].time[row] // 1_000_000 for number in live])
        judged = seasonal.step(part, local_s, np.array([corpus[number].values[row] for number in live]))
        memory[live] = part
        for number, one in zip(live, judged.surprise.tolist(), strict=True):
            found[number][row] = one
    return found


def held_out(corpus: Sequence[nab.Series], scores: Sequence[np.ndarray], profile: nab.Profile) -> float:
    """Return the score when every file is judged with the threshold that is best for the others."""
    total = 0.0
    for number in range(len(corpus)):
        others = [i for i in range(len(corpus)) if i != number]
        threshold = nab.best([corpus[i] for i in others], [scores[i] for i in others], profile).threshold
        total += nab.raw_score([corpus[number]], [scores[number]], profile, threshold)
    return nab.normalised(total, sum(len(series.windows) for series in corpus), profile)


def windowed_gaussian(values: np.ndarray) -> np.ndarray:
    """Return NAB's windowed Gaussian, the published detector that checks the scorer: 1 - tail, window 6,400, moved by 100."""
    window, waiting, found = list[float](), list[float](), np.zeros(len(values))
    mean, spread = 0.0, 1.0
    for row, value in enumerate(values.tolist()):
        if window:
            found[row] = 1.0 - 0.5 * math.erfc(abs(value - mean) / spread / 1.4142)
        if len(window) < 6_400:
            window.append(value)
            count = len(window)
            past = 1.0 - 1.0 / count
            # Mean and spread of all so far, one value at a time.
            gap = value - mean if count > 1 else 0.0
            square = spread**2 * past if count > 1 else 0.0
            mean = mean + gap / count if count > 1 else value
            spread = math.sqrt(square + gap * gap * past / count) or 1e-6
        else:
            waiting.append(value)
            if len(waiting) == 100:
                window, waiting = window[100:] + waiting, []
                mean, spread = float(np.mean(window)), float(np.std(window)) or 1e-6
    return found


BENCHES: Mapping[str, Bench] = {"nab": nab_score}
