# SPDX-License-Identifier: Apache-2.0
"""What a worker of the cluster does with a task: the functions of the single machine over the task's files and rows.

No database, no clock. What it needs of this program are the packs, in the versions of who planned the task, and the lake.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from chengyun.city import City, load_city
from chengyun.config import config
from chengyun.errors import Problem
from chengyun.lake.read import Gathered, Part, Snapshot, opened
from chengyun.operate.compute import Computed, Used, compute_together, show_figures

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
    """Formulas that read the same streams over the same time; parts: what they read, or a share of it by entity."""

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
            return _answers(city, task.formulas, view)
    except (FileNotFoundError, duckdb.IOException) as gone:
        return [Answer([], f"{gone}", gone=True) for _ in task.formulas]


def _answers(city: City, formulas: Sequence[Formula], view: Snapshot) -> list[Answer]:
    """Compute formulas of one span, together those that are given the same; apart when one of them fails."""
    found: list[Answer | None] = [_misfit(city, one) for one in formulas]
    together: dict[str, list[int]] = {}
    for at, one in enumerate(formulas):
        for key, figures in one.used.items():
            show_figures(view.connection, key.split(".")[1], figures)
        if found[at] is None:
            together.setdefault(repr(sorted(one.parameters.items())), []).append(at)
    for places in together.values():
        group = [formulas[at] for at in places]
        answers = _together(city, group, view)
        for at, answer in zip(places, answers, strict=True):
            found[at] = answer
    return [one for one in found if one is not None]


def _misfit(city: City, formula: Formula) -> Answer | None:
    """Say why this machine cannot compute a formula; None: it can."""
    declared = city.indicators.get(formula.indicator)
    if declared is not None and declared.version == formula.version:
        return None
    known = "another version of it" if declared else "no such formula"
    return Answer([], f"{formula.indicator}: this worker has {known}. Install the same packs on every machine of the cluster.")


def _together(city: City, group: Sequence[Formula], view: Snapshot) -> list[Answer]:
    import duckdb

    first = group[0]
    try:
        found = compute_together(
            city, [one.indicator for one in group], view, first.since, first.until, first.parameters, config().zone
        )  # fmt: skip
        return [Answer(figures) for figures in found]
    except (FileNotFoundError, duckdb.IOException):
        raise
    except Exception as error:  # a pack's formula may fail in any way, and the other indicators must go on
        if len(group) > 1:
            return [answer for one in group for answer in _together(city, [one], view)]
        return [Answer([], error.sentence if isinstance(error, Problem) else f"{type(error).__name__}: {error}"[:2000])]
