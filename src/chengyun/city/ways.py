# SPDX-License-Identifier: Apache-2.0
"""Every way a case of a type can take, walked without a database: what the tests prove of a declaration.

A position is a state, the counters as far as they matter, whether the case's clock has run out, and whether it came from a
source that need not be verified. Counters stop at one above the highest bound a step speaks of: beyond it nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chengyun.city.casework import COUNTERS, CaseType, Counter, State, Transition

__all__ = ["Position", "always_ends", "moves", "positions", "start_positions"]

LATE = "overdue"
TRUSTED = "trusted_source"
DEPARTMENT_ROLES = frozenset({"handler", "department_clerk"})


@dataclass(frozen=True, slots=True)
class Position:
    """Where a case can be."""

    state: str
    counters: tuple[int, ...]
    late: bool = False
    trusted: bool = False

    def count(self) -> Mapping[str, int]:
        return dict(zip(COUNTERS, self.counters, strict=True))


def start_positions(declared: CaseType) -> list[Position]:
    """Return where cases begin: reported by the public or by who need not be verified, and as parts of another."""
    zero = (0,) * len(COUNTERS)
    starts = [Position(declared.states[0].key, zero, trusted=trusted) for trusted in (False, True)]
    if declared.sub_task:
        starts.append(Position(declared.sub_task, zero))
    return starts


def moves(declared: CaseType, at: Position) -> Iterator[tuple[Transition | None, Position]]:
    """Yield each step that is open at a position and where it leads; None: nobody acts until the case's clock runs out.

    Guards about persons, reasons and parts are taken to hold: whoever has to can find an independent person, give a reason,
    and parts are cases themselves.
    """
    for step in declared.steps_from(at.state):
        if step.open_at(at.count()) and (LATE not in step.guard or at.late) and (TRUSTED not in step.guard or at.trusted):
            yield step, _after(declared, at, step)
    state = declared.state(at.state)
    if state.runs_case_clock == "runs" and state.clock != "ended" and not at.late:
        yield None, replace(at, late=True)


def positions(declared: CaseType) -> dict[Position, list[tuple[Transition | None, Position]]]:
    """Return every position that can be reached, with the moves from it."""
    found: dict[Position, list[tuple[Transition | None, Position]]] = {}
    waiting = start_positions(declared)
    while waiting:
        at = waiting.pop()
        if at not in found:
            found[at] = list(moves(declared, at))
            waiting.extend(to for _, to in found[at])
    return found


def always_ends(declared: CaseType) -> tuple[set[Position], set[Position]]:
    """Return the positions from which a case ends whatever the department does, and those from which it need not.

    The department may take any step it has, always before everybody else, or none at all; the other posts do their work. A
    step that leads nowhere else wins the department nothing but time, so it counts as waiting.
    """
    graph = positions(declared)
    won = {at for at in graph if declared.state(at.state).clock == "ended"}
    grown = True
    while grown:
        more = {at for at in graph if at not in won and _is_won(declared, at, graph[at], won)}
        won |= more
        grown = bool(more)
    return won, set(graph) - won


def _is_won(declared: CaseType, at: Position, open_moves: list[tuple[Transition | None, Position]], won: set[Position]) -> bool:
    state = declared.state(at.state)
    theirs = [to for step, to in open_moves if step is not None and DEPARTMENT_ROLES & set(step.by) and to != at]
    ours = [to for step, to in open_moves if step is not None and set(step.by) - DEPARTMENT_ROLES]
    by_time = [to for step, to in open_moves if step is None or step.key == state.timeout]
    return all(to in won for to in theirs) and any(to in won for to in (*ours, *by_time))


def _after(declared: CaseType, at: Position, step: Transition) -> Position:
    tops = _tops(declared)
    counters = tuple(min(value + (step.counts == name), tops[name]) for name, value in zip(COUNTERS, at.counters, strict=True))
    return Position(step.to, counters, at.late and not step.extends, at.trusted)


def _tops(declared: CaseType) -> dict[Counter, int]:
    """Return for each counter the value from which on all greater ones are alike."""
    tops = dict.fromkeys(COUNTERS, 0)
    for step in declared.transitions:
        for name, (least, most) in (step.when or {}).items():
            tops[name] = max(tops[name], least, 0 if most is None else most + 1)
    return tops


def ends_of(declared: CaseType) -> list[State]:
    """Return the states in which a case has ended."""
    return [state for state in declared.states if state.clock == "ended"]
