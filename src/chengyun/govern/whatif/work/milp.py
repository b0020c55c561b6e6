# SPDX-License-Identifier: Apache-2.0
"""A mixed-integer programme, stated as columns and rows and solved by HiGHS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np

from chengyun.errors import Unavailable

__all__ = ["Programme", "Solution"]

WITHIN_S = 120.0
CLOSE = 1e-6


@dataclass(frozen=True)
class Solution:
    """values: by column. proved: no better one exists beyond rounding. gap: at most so much better, as a share."""

    objective: float
    values: tuple[float, ...]
    proved: bool
    gap: float


@dataclass
class Programme:
    """Minimise cost · x. add_column and add_row return indices; rows are low ≤ Σ weight · x ≤ high."""

    costs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[float, float, list[int], list[float]]] = field(default_factory=list)

    def add_column(self, cost: float, low: float = 0.0, high: float = 1.0, *, whole: bool = False) -> int:
        self.costs.append(cost)
        self.lows.append(low)
        self.highs.append(high)
        self.whole.append(whole)
        return len(self.costs) - 1

    def add_row(self, low: float, high: float, columns: Sequence[int], weights: Sequence[float]) -> None:
        self.rows.append((low, high, list(columns), list(weights)))

    def solve(self, seed: int, within_s: float = WITHIN_S) -> Solution | None:
        """Return the best solution found, None when there can be none. Raises Unavailable when time was too short for any."""
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("random_seed", seed), ("threads", 1), ("time_limit", within_s)):
            solver.setOptionValue(option, value)
        solver.setOptionValue("mip_rel_gap", CLOSE)
        solver.passModel(self._stated())
        solver.run()
        status = solver.getModelStatus()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            return None
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            raise Unavailable(f"No solution was found within {within_s:.0f} s; give fewer rows.", code="time")
        proved = status == highspy.HighsModelStatus.kOptimal
        values = tuple(float(one) for one in solver.getSolution().col_value)
        gap = float(info.mip_gap) if any(self.whole) and np.isfinite(info.mip_gap) else 0.0
        return Solution(float(info.objective_function_value), values, proved, gap)

    def _stated(self) -> highspy.HighsLp:
        stated = highspy.HighsLp()
        stated.num_col_, stated.num_row_ = len(self.costs), len(self.rows)
        stated.col_cost_ = np.array(self.costs)
        stated.col_lower_, stated.col_upper_ = np.array(self.lows), np.array(self.highs)
        stated.row_lower_ = np.array([row[0] for row in self.rows])
        stated.row_upper_ = np.array([row[1] for row in self.rows])
        stated.integrality_ = [highspy.HighsVarType.kInteger if one else highspy.HighsVarType.kContinuous for one in self.whole]
        stated.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        stated.a_matrix_.start_ = np.cumsum([0, *(len(row[2]) for row in self.rows)])
        stated.a_matrix_.index_ = np.array([column for row in self.rows for column in row[2]], dtype=np.int32)
        stated.a_matrix_.value_ = np.array([weight for row in self.rows for weight in row[3]], dtype=float)
        return stated
