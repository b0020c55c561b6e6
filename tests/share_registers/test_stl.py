# SPDX-License-Identifier: Apache-2.0
"""The season of a series, beside what statsmodels finds; and what is loaded to find it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from statsmodels.tsa.seasonal import STL

from chengyun.share.registers.stl import seasonal

LOADED = """
import sys
from chengyun.share.registers.series import adjusted, points
known = points((f"{2018 + at // 12}-{at % 12 + 1:02}", "2026-01-01", 100 + at % 12) for at in range(60))
assert adjusted(known)
print(sorted({"scipy", "pandas", "statsmodels"} & set(sys.modules)))
"""


@pytest.mark.parametrize("period", [4, 12])
@pytest.mark.parametrize("years", [4, 7.25, 20])
@pytest.mark.parametrize("is_spoilt", [False, True])
def test_the_season_is_the_one_statsmodels_finds(period: int, years: float, is_spoilt: bool) -> None:
    chance = np.random.default_rng(int(years * period))
    at = np.arange(int(years * period))
    values = 50 + 0.3 * at + 5 * np.sin(2 * np.pi * at / period) * (1 + at / 100) + chance.normal(size=len(at))
    if is_spoilt:
        values[chance.integers(0, len(at), 3)] += 100
    known = STL(values, period=period, robust=True).fit().seasonal
    assert np.abs(seasonal(values, period) - known).max() < 1e-6


def test_rounding_does_not_choose_the_season_of_three_years() -> None:
    """Of three years most months can be fitted exactly. What is left is rounding, by which nothing may be weighed."""
    for seed in range(20):
        chance = np.random.default_rng(seed)
        values = 50 + 5 * np.sin(2 * np.pi * np.arange(36) / 12) + chance.normal(size=36)
        rounded = values * (1 + 1e-14 * chance.normal(size=36))
        assert np.abs(seasonal(values, 12) - seasonal(rounded, 12)).max() < 1e-6


def test_what_does_not_change_has_no_season() -> None:
    assert np.abs(seasonal(np.full(48, 7.0), 12)).max() < 1e-9


def test_no_large_library_is_loaded_for_it() -> None:
    """One that takes seconds to load would take them from whoever looks first."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
