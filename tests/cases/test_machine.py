# SPDX-License-Identifier: Apache-2.0
"""What holds of every declared kind of case at every position it can reach, counters and all; and that the check can fail."""

from __future__ import annotations

import datetime as dt
from collections import deque

import pytest
from django.conf import settings

from chengyun.access.rulebook import ROLES
from chengyun.city import CaseType, Span, State, Transition
from chengyun.city.declare import collecting
from chengyun.city.ways import always_ends, positions

TYPES = settings.CITY.cases
CASE = TYPES["urban_management.case"]


@pytest.fixture(scope="module", params=list(TYPES))
def declared(request) -> CaseType:
    return TYPES[request.param]


def test_every_declared_state_is_reached(declared):
    assert {at.state for at in positions(declared)} == {state.key for state in declared.states}


def test_every_step_can_be_taken_somewhere(declared):
    taken = {step.key for steps in positions(declared).values() for step, _ in steps if step is not None}
    assert taken == {step.key for step in declared.transitions}


def test_exactly_one_post_of_one_body_owns_every_state_and_can_act(declared):
    for at, steps in positions(declared).items():
        state = declared.state(at.state)
        assert state.owner in ROLES, at
        assert state.body in ("", "department", "centre"), at
        if state.clock != "ended":
            assert any(state.owner in step.by for step, _ in steps if step is not None), f"{state.owner} can do nothing at {at}"


def test_every_clock_runs_or_stands_for_a_reason_and_pauses_end(declared):
    for at in positions(declared):
        state = declared.state(at.state)
        assert state.clock in ("runs", "paused", "ended")
        if "paused" in (state.clock, state.runs_case_clock):
            assert state.because, at
        if state.clock == "paused":
            assert None not in (state.limit, state.timeout), f"the pause at {at} has no end"


def test_every_position_can_reach_an_end(declared):
    graph = positions(declared)
    before = {at: set() for at in graph}
    for at, steps in graph.items():
        for _, to in steps:
            before[to].add(at)
    ends = [at for at in graph if declared.state(at.state).clock == "ended"]
    reach, waiting = set(ends), deque(ends)
    while waiting:
        for at in before[waiting.popleft()] - reach:
            reach.add(at)
            waiting.append(at)
    assert set(graph) == reach


def test_departments_that_return_extend_and_never_accept_cannot_keep_a_case_from_its_end():
    won, lost = always_ends(CASE)
    assert not lost
    assert len(won) > 1000


def test_the_clock_of_the_work_runs_from_dispatch_on_until_the_work_is_reported():
    """No state between both lets a department's clock stand, but the pauses somebody granted."""
    outside = {"reported", "to_verify", "to_file", "to_dispatch", "to_check", "to_close", "closed", "void", "rejected", "merged"}
    for state in CASE.states:
        expected = "runs" if state.key not in outside | {"deferred", "suspended"} else None
        assert (state.runs_case_clock == "runs") == (expected == "runs"), state.key
    # Into a pause leads only what a duty officer grants.
    for step in CASE.transitions:
        if step.to in ("deferred", "suspended"):
            assert step.by == ["duty_officer"]


def small(**changes) -> CaseType:
    """A type with one thing wrong or unbounded."""
    parts = {
        "states": [
            State("open", "待派", "dispatcher", body="centre"), State("work", "处置", "handler", body="department"),
            State("done", "结案", "dispatcher", clock="ended"),
        ],
        "transitions": [
            Transition("send", "派", "open", "work", ["dispatcher"], charges=True),
            Transition("back", "退", "work", "open", ["handler"]),
            Transition("finish", "毕", "work", "done", ["handler"]),
        ],
    }  # fmt: skip
    return CaseType("small", "小", "centre", dt.timedelta(days=1), **(parts | changes))


def test_the_walk_finds_a_department_that_returns_for_ever():
    _, lost = always_ends(small())
    assert {at.state for at in lost} == {"open", "work"}


def test_a_counted_return_and_a_recall_make_it_end():
    bounded = small(
        transitions=[
            Transition("send", "派", "open", "work", ["dispatcher"], charges=True),
            Transition("back", "退", "work", "open", ["handler"], when={"returns": (0, 1)}, counts="returns"),
            Transition("finish", "毕", "work", "done", ["handler"]),
            Transition("void", "废", "work", "done", ["dispatcher"], guard=["overdue"]),
        ]
    )
    assert always_ends(bounded)[1] == set()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"states": [State("open", "开", "dispatcher"), State("done", "毕", "dispatcher", clock="ended")]}, "names state 'work'"),
        ({"sub_task": "wrok"}, 'Did you mean "work"?'),
        ({"transitions": [Transition("send", "派", "open", "work", ["dispatcher"])]}, "cannot reach an end"),
    ],
)
def test_what_is_declared_wrong_is_said(changes, said):
    with collecting() as faults:
        small(**changes)
    assert said in " ".join(faults)


def test_faults_of_states_steps_and_spans_are_said():
    with collecting() as faults:
        paused = State("wait", "等", "handler", clock="paused")
        small(
            states=[*small().states, paused],
            transitions=[*small().transitions, Transition("x", "x", "wait", "done", ["handler"])],
        )
        small(transitions=[*small().transitions, Transition("y", "y", "open", "done", ["dispatcher"], needs=["foto"])])
        Span(0, "working_hour")
        Span(1, "fortnight")
    said = " ".join(faults)
    for part in ("`because` does not say why", "needs 'foto'", "expected above 0", "'fortnight' is not one of"):
        assert part in said
