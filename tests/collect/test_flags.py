# SPDX-License-Identifier: Apache-2.0
"""Flags, judged by column, against the same rules told row by row."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.city import Quantity, Ref, Stream, Text
from chengyun.collect.flags import Memory, Watch, advance, count_flags, judge
from chengyun.lake.rows import Flag

STREAM = Stream(
    key="level", name="水位", one_row_is="one gauge, one minute", time="at", cadence=dt.timedelta(minutes=1),
    late_after=dt.timedelta(minutes=4),
    fields=[
        Ref("gauge", to="gauge"),
        Quantity("a", "甲", unit="m", valid=(0, 10), spike=3, stuck=3),
        Quantity("b", "乙", unit="m", valid=(-5, 5), stuck=2),
        Quantity("c", "丙", unit="m", valid=(0, 10), spike=1),
        Text("note", "说明"),
    ],
)  # fmt: skip
MINUTE = 60_000_000
START = 1_700_000_000_000_000
SLOTS = 3

value = st.sampled_from([math.nan, 0.0, 1.0, 1.5, 3.0, 4.5, 8.0, 10.5, -6.0])
row = st.tuples(
    st.integers(0, SLOTS - 1), st.integers(0, 12), value, value, value, st.sampled_from([None, "x", "y"]), st.booleans()
)  # fmt: skip
groups = st.lists(st.lists(row, max_size=12), max_size=5)


class Oracle:
    """The rules of flags.py, one row at a time."""

    def __init__(self) -> None:
        self.newest: dict[int, tuple[int, tuple[float, ...], str | None, list[int]]] = {}

    def judge(self, group: list[Any]) -> list[int]:
        qualities = [0] * len(group)
        at_start = {slot: found[0] for slot, found in self.newest.items()}
        before: dict[int, tuple[int, tuple[float, ...], str | None, list[int]]] = {}
        for index in sorted(range(len(group)), key=lambda i: (group[i][0], group[i][1], i)):
            slot, minute, *values, note, simulated = group[index]
            qualities[index], now = self._one(slot, minute, tuple(values), note, at_start.get(slot), before.get(slot))
            qualities[index] |= int(Flag.SIMULATED) if simulated else 0
            before[slot] = (minute, tuple(values), note, now)
            if slot not in self.newest or minute >= self.newest[slot][0]:
                self.newest[slot] = before[slot]
        return qualities

    def _one(self, slot: int, minute: int, values: tuple[float, ...], note: str | None, newest: int | None, linked: Any) -> Any:
        kinds, invalid, suspect = 0, 0, 0
        usable = []
        for i, (it, quantity) in enumerate(zip(values, STREAM.quantities, strict=True)):
            outside = not math.isnan(it) and not quantity.valid[0] <= it <= quantity.valid[1]
            if outside:
                kinds, invalid = kinds | Flag.RANGE, invalid | 1 << i
            usable.append(math.nan if outside else it)
        if newest is not None and (newest - minute) > 4:
            kinds |= Flag.LATE
        then = linked if linked and (newest is None or linked[0] >= newest or linked[0] == minute) else self._kept(slot, newest)
        runs = [0 if math.isnan(it) else 1 for it in usable]
        if then is not None and minute >= then[0]:
            old = [
                math.nan if not q.valid[0] <= it <= q.valid[1] else it for it, q in zip(then[1], STREAM.quantities, strict=True)
            ]
            step = minute > then[0]
            if not step:
                same = note == then[2] and all(
                    a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, then[1], strict=True)
                )
                kinds |= Flag.DUPLICATE if same else Flag.CORRECTION
            gap = step and minute - then[0] > 1.5
            if gap:
                kinds |= Flag.GAP
            for i, quantity in enumerate(STREAM.quantities):
                if step and not gap and quantity.spike and abs(usable[i] - old[i]) > quantity.spike:
                    kinds, suspect = kinds | Flag.SPIKE, suspect | 1 << i
                if usable[i] == old[i]:
                    runs[i] = max(1, then[3][i] + step)
        for i, quantity in enumerate(STREAM.quantities):
            if quantity.stuck and runs[i] >= quantity.stuck:
                kinds, suspect = kinds | Flag.STUCK, suspect | 1 << i
        return int(kinds) | invalid << 8 | suspect << 32, runs

    def _kept(self, slot: int, newest: int | None) -> Any:
        return self._at_start.get(slot) if newest is not None else None

    _at_start: dict[int, Any]

    def judge_group(self, group: list[Any]) -> list[int]:
        self._at_start = dict(self.newest)
        return self.judge(group)


@settings(max_examples=400, deadline=None)
@given(groups)
def test_columns_and_rows_agree(groups: list[list[Any]]) -> None:
    watch, memory, oracle = Watch.of(STREAM), Memory(3, ("note",)), Oracle()
    memory.grow(SLOTS)
    seq = 1
    for group in groups:
        slot = np.array([it[0] for it in group], dtype=np.intp)
        time = np.array([START + it[1] * MINUTE for it in group], dtype=np.int64)
        values = np.array([it[2:5] for it in group], dtype=np.float64).reshape(-1, 3).T
        words = {"note": np.array([it[5] for it in group], dtype=np.object_)}
        judged = judge(watch, memory, slot, time, values, words, np.array([it[6] for it in group], dtype=np.bool_))
        assert judged.quality.tolist() == oracle.judge_group(group)
        advance(memory, judged, slot, time, values, words, seq)
        seq += len(group)
        for one, (minute, kept, note, runs) in oracle.newest.items():
            assert memory.time[one] == START + minute * MINUTE
            np.testing.assert_array_equal(memory.values[:, one], kept)
            assert memory.words["note"][one] == note
            watched = [runs[0], runs[1], 0]
            assert memory.run[:, one].tolist() == watched


def test_a_batch_judged_and_not_committed_leaves_no_trace() -> None:
    watch, memory = Watch.of(STREAM), Memory(3, ("note",))
    memory.grow(1)
    given = (
        np.zeros(1, dtype=np.intp),
        np.array([START]),
        np.full((3, 1), 99.0),
        {"note": np.array([None])},
        np.zeros(1, dtype=np.bool_),
    )
    first = judge(watch, memory, *given)
    again = judge(watch, memory, *given)
    assert first.quality.tolist() == again.quality.tolist()
    assert count_flags(first.quality) == {"range": 1}
