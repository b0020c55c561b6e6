# SPDX-License-Identifier: Apache-2.0
"""The words a kind of case is declared in: its states, the steps between them, and how their time is counted.

    State ──Transition──▶ State        a step: who may take it, when it is open, what must come with it, what it counts

The time of a stay is the case's own, or a limit of the stay alone; a clock runs or stands in every state, and why it
stands is said. What may happen how often is declared (`when`, `counts`), so that a program can walk every way a case can
take: tests/cases does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from chengyun.city.declare import declaration, is_key
from chengyun.errors import nearest

__all__ = ["COUNTERS", "CaseType", "Counter", "Span", "State", "Transition"]

Counter = Literal["returns", "rework", "extensions", "deferrals", "suspensions", "arbitrations", "reopened"]
COUNTERS: tuple[Counter, ...] = ("returns", "rework", "extensions", "deferrals", "suspensions", "arbitrations", "reopened")
"""退单, 返工, 延期, 缓办, 挂账, 仲裁, 重开: what a case counts of itself."""

NEEDS = ("reason", "note", "assignee", "photo", "place", "category", "until", "owner", "target")
"""Evidence a step may ask for. owner: the organisation it goes to; target: the case it is merged into."""

Unit = Literal["minute", "hour", "day", "working_minute", "working_hour", "working_day"]
SECONDS: Mapping[Unit, int] = {
    "minute": 60, "hour": 3600, "day": 86400, "working_minute": 60, "working_hour": 3600, "working_day": 0,
}  # fmt: skip
Basis = Literal["continuous", "working"]
Runs = Literal["runs", "paused", "ended"]


@declaration
class Span:
    """A time limit as rules write it: 4 工作时, 2 工作日, 30 分钟.

    unit: minute, hour and day run around the clock; working_* only inside office hours of working days.
    """

    value: Decimal | int
    unit: Unit

    @property
    def basis(self) -> Basis:
        return "working" if self.unit.startswith("working_") else "continuous"

    def seconds(self, working_day_s: int = 8 * 3600) -> int:
        """Return its length. working_day_s: office hours of a working day, for 工作日."""
        return int(self.value * (SECONDS[self.unit] or working_day_s))

    def faults(self) -> Iterator[str]:
        if self.unit not in SECONDS:
            yield f"unit {self.unit!r} is not one of {', '.join(SECONDS)}."
        if self.value <= 0:
            yield f"value is {self.value}, expected above 0."


@declaration
class State:
    """A state of a case.

    owner: role that must act in it. body: whose post that is: "department": the one charged with the work; "centre": the
        CaseType's owner; "": whoever owned the case before.
    clock: the stay's: it runs, stands or has ended. because: why it, or the case's own clock, stands; needed when one does.
    limit: of the stay alone: a Span, or a table of limits.toml (value, unit); None: the case's own clock times the stay.
    case_clock: the case's own clock meanwhile; None: as `clock`.
    timeout: key of the step the program takes when the stay's time is up; None: lateness is told, nothing is done.
    suspends: 挂账: meanwhile the case counts in no rate.
    drops: the case ends here without its work: 作废, 不予立案, 并案.
    """

    key: str
    name: str
    owner: str
    clock: Runs = "runs"
    body: Literal["", "department", "centre"] = ""
    because: str = ""
    limit: Span | str | None = None
    case_clock: Runs | None = None
    timeout: str | None = None
    suspends: bool = False
    drops: bool = False

    @property
    def runs_case_clock(self) -> Runs:
        return self.case_clock or self.clock


@declaration
class Transition:
    """A step between states.

    by: roles that may take it. needs: evidence that must come with it, of NEEDS.
    guard: names of conditions the kernel or an app registers (cases.hooks.guards); all must hold.
    when: counter → (least, most) for which the step is open; most None: no bound. counts: counter it adds one to.
    charges: it says which department the work goes to: the one given, else as the duty list has it.
    extends: it adds time to the case's clock, once more its first limit at most.
    takes: who takes it is in charge from then on. merges: it ends the case in another one, named by `target`.
    marks: what has been done with it, for the figures: the work, or its verification by somebody else.
    """

    key: str
    name: str
    source: str
    to: str
    by: Sequence[str]
    needs: Sequence[str] = ()
    guard: Sequence[str] = ()
    when: Mapping[Counter, tuple[int, int | None]] | None = None
    counts: Counter | None = None
    charges: bool = False
    extends: bool = False
    takes: bool = False
    merges: bool = False
    marks: Literal["handled", "verified"] | None = None

    def open_at(self, counters: Mapping[str, int]) -> bool:
        """Say whether the counters allow the step."""
        ranges = (self.when or {}).items()
        return all(least <= counters[name] and (most is None or counters[name] <= most) for name, (least, most) in ranges)


@declaration
class CaseType:
    """A kind of case as a state machine: the first state is where a case begins.

    owner: key or name of the body that answers for it, or a role.
    limit: time the case's own clock counts to, in calendar time or as a Span; where the type has a scheme, the limit by
        category, filing condition and area level goes before it.
    scheme: folder of its categories.csv and limits.csv, relative to the pack's; None: cases have no category.
    sub_task: state in which a part of a jointly handled case begins.
    reports: what residents report opens a case of this type.
    components: key of the pack's register of the things its cases are about, a ComponentRegister; None: about none.
    habits: file of what goes wrong in a made-up city and what its people do about it (see incidents.py), relative to the
        pack's folder; None: its cases are never made up.
    """

    key: str
    name: str
    owner: str
    limit: dt.timedelta | Span
    states: Sequence[State]
    transitions: Sequence[Transition]
    sharing: Literal["unconditional", "conditional", "none"] = "conditional"
    open: bool = False
    scheme: str | None = None
    sub_task: str | None = None
    reports: bool = False
    components: str | None = None
    habits: str | None = None

    def state(self, key: str) -> State:
        """Return a state. Raises KeyError."""
        for state in self.states:
            if state.key == key:
                return state
        raise KeyError(f"{self.key} has no state {key!r}.{nearest(key, [one.key for one in self.states])}")

    def step(self, key: str) -> Transition | None:
        """Return a step by its key."""
        return next((step for step in self.transitions if step.key == key), None)

    def steps_from(self, state: str) -> list[Transition]:
        return [step for step in self.transitions if step.source == state]

    def faults(self) -> Iterator[str]:
        states = {state.key: state for state in self.states}
        steps = {step.key: step for step in self.transitions}
        if not is_key(self.key):
            yield f"key {self.key!r} is not lower_snake."
        if len(states) != len(self.states):
            yield "two states share a key."
        if len(steps) != len(self.transitions):
            yield "two transitions share a key."
        if self.sub_task is not None and self.sub_task not in states:
            yield f"sub_task names state {self.sub_task!r}.{nearest(self.sub_task, states)}"
        for state in self.states:
            yield from _state_faults(state, steps)
        for step in self.transitions:
            yield from _step_faults(step, states)
        yield from _dead_ends(self.states, self.transitions)


def _state_faults(state: State, steps: Mapping[str, Transition]) -> Iterator[str]:
    if state.runs_case_clock == "ended" and state.clock != "ended":
        yield f"state {state.key!r}: case_clock has ended, the stay's has not."
    if state.drops and state.clock != "ended":
        yield f"state {state.key!r}: it drops the case, and its clock has not ended."
    if "paused" in (state.clock, state.runs_case_clock) and not state.because:
        yield f"state {state.key!r}: a clock stands and `because` does not say why."
    if state.timeout is not None and (state.timeout not in steps or steps[state.timeout].source != state.key):
        yield f"state {state.key!r}: timeout {state.timeout!r} is not a transition from it.{nearest(state.timeout, steps)}"


def _step_faults(step: Transition, states: Mapping[str, State]) -> Iterator[str]:
    for end in (step.source, step.to):
        if end not in states:
            yield f"transition {step.key!r} names state {end!r}.{nearest(end, states)}"
    for need in step.needs:
        if need not in NEEDS:
            yield f"transition {step.key!r} needs {need!r}.{nearest(need, NEEDS)}"
    for counter in (*(step.when or {}), *((step.counts,) if step.counts else ())):
        if counter not in COUNTERS:
            yield f"transition {step.key!r} counts by {counter!r}.{nearest(counter, COUNTERS)}"


def _dead_ends(states: Sequence[State], transitions: Sequence[Transition]) -> Iterator[str]:
    reach = {state.key for state in states if state.clock == "ended"}
    if not reach:
        yield "no state ends the clock; a case must be able to end."
    grown = True
    while grown:
        more = {step.source for step in transitions if step.to in reach} - reach
        reach |= more
        grown = bool(more)
    for key in sorted({state.key for state in states} - reach):
        yield f"state {key!r} cannot reach an end."
