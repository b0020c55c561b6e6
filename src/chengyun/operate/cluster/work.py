# SPDX-License-Identifier: Apache-2.0
"""What a worker of the cluster does with a task: the functions of the single machine over the task's files and rows.

No database, no clock. What it needs of this program are the packs, in the versions of who planned the task, and the lake.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chengyun.city import City, load_city
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.lake.read import Gathered, Part, Snapshot, opened
from chengyun.operate.compute import Computed, Used, compute, show_figures

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Answer", "Formula", "Registers", "Task", "work"]

Registers = Mapping[tuple[str, str], "pa.Table"]


@dataclass(frozen=True, slots=True)
class Formula:
    """An indicator to compute over a span of time. used: qualified indicator → its figures in the span."""

    indicator: str
    version: str
    since: dt.datetime
    until: dt.datetime
    parameters: Mapping[str, Any]
    used: Mapping[str, tuple[Used, ...]]


@dataclass(frozen=True, slots=True)
class Task:
    """Formulas that read the same streams over the same time; parts: what they read."""

    number: int
    parts: tuple[Part, ...]
    formulas: tuple[Formula, ...]


class Answer(NamedTuple):
    """What became of one formula. error: empty when it went well. gone: a file was replaced since the task was planned."""

    figures: list[Computed]
    error: str = ""
    gone: bool = False


def work(task: Task, registers: Registers) -> list[Answer]:
    """Return an answer for each formula of a task. Only what may go well on another machine raises."""
    import duckdb  # heavy, and a planner imports this module too

    city = load_city(config().packs)
    packs = {part.table.pack for part in task.parts}
    mine = {name: rows for name, rows in registers.items() if name[0] in packs}
    try:
        with opened(Gathered(task.parts, mine)) as view:
            return [_answer(city, formula, view) for formula in task.formulas]
    except (FileNotFoundError, duckdb.IOException) as gone:
        return [Answer([], f"{gone}", gone=True) for _ in task.formulas]


def _answer(city: City, formula: Formula, view: Snapshot) -> Answer:
    import duckdb

    declared = city.indicators.get(formula.indicator)
    if declared is None or declared.version != formula.version:
        return Answer([], (
            f"{formula.indicator}: this worker has {'another version' if declared else 'no formula'} of it. Install the same "
            "packs on every machine of the cluster."
        ))  # fmt: skip
    try:
        for key, figures in formula.used.items():
            show_figures(view.connection, key.split(".")[1], figures)
        return Answer(
            compute(city, formula.indicator, view, formula.since, formula.until, formula.parameters, config().zone)
        )  # fmt: skip
    except (FileNotFoundError, duckdb.IOException):
        raise
    except Exception as error:  # a pack's formula may fail in any way, and the other indicators must go on
        return Answer([], error.sentence if isinstance(error, Problem) else f"{type(error).__name__}: {error}"[:2000])
