# SPDX-License-Identifier: Apache-2.0
"""How a statement fits among those its authority made before: table of cases, and what must hold whatever is said."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.errors import Refused
from chengyun.share.registers.validity import Held, settle

TODAY = dt.date(2026, 3, 10)


def day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def held(value: str, since: str = "", until: str = "", told: str = "load 1") -> Held:
    return Held({"name": value}, day(since), day(until), told=told)


def told(*states: Held) -> list[tuple[str, str, str]]:
    return [(one.values["name"], str(one.since or ""), str(one.until or "")) for one in states]


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        pytest.param([], held("a", "2020-01-01"), [("a", "2020-01-01", "")], id="first"),
        pytest.param([], held("a"), [("a", "", "")], id="first_without_a_day"),
        pytest.param(
            [held("a", "2020-01-01")], held("b", "2022-01-01"), [("a", "2020-01-01", "2022-01-01"), ("b", "2022-01-01", "")],
            id="a_later_state_ends_an_open_one",
        ),
        pytest.param(
            [held("a", "2020-01-01")], held("a", "2022-01-01"), [("a", "2020-01-01", "")],
            id="the_same_again_is_nothing_new",
        ),
        pytest.param(
            [held("a", "2020-01-01")], held("b", "2020-01-01"), [("b", "2020-01-01", "")],
            id="the_same_day_is_a_correction",
        ),
        pytest.param(
            [held("b", "2022-01-01")], held("a", "2020-01-01"), [("a", "2020-01-01", "2022-01-01"), ("b", "2022-01-01", "")],
            id="history_told_later_ends_where_the_known_begins",
        ),
        pytest.param(
            [held("a", "2020-01-01", "2022-01-01"), held("c", "2022-01-01")], held("b", "2021-01-01"),
            [("a", "2020-01-01", "2021-01-01"), ("b", "2021-01-01", "2022-01-01"), ("c", "2022-01-01", "")],
            id="a_change_in_between",
        ),
        pytest.param(
            [held("a", "2020-01-01", "2022-01-01"), held("b", "2022-01-01")], held("a", "2020-01-01"),
            [("a", "2020-01-01", "2022-01-01"), ("b", "2022-01-01", "")], id="a_file_loaded_again_changes_nothing",
        ),
        pytest.param([held("a")], held("b"), [("a", "", "2026-03-10"), ("b", "2026-03-10", "")], id="without_a_day_it_is_today"),
        pytest.param([held("a")], held("a"), [("a", "", "")], id="a_snapshot_that_says_the_same"),
        pytest.param(
            [held("a", "2020-01-01")], held("a", "2020-01-01", "2021-01-01"), [("a", "2020-01-01", "2021-01-01")],
            id="an_end",
        ),
        pytest.param(
            [held("a", "2020-01-01", "2021-01-01")], held("a"), [("a", "2020-01-01", "2021-01-01"), ("a", "2026-03-10", "")],
            id="there_again_after_it_had_ended",
        ),
    ],
)  # fmt: skip
def test_what_is_held_afterwards(before: list[Held], said: Held, after: list[tuple[str, str, str]]) -> None:
    said = Held(said.values, said.since, said.until, told="load 2")
    assert told(*(settle(before, said, TODAY).held)) == after


@pytest.mark.parametrize(
    ("before", "said", "code"),
    [
        ([held("a", "2020-01-01", "2022-01-01")], held("b", "2021-01-01", "2023-01-01"), "overlapping_validity"),
        ([held("a", "2020-01-01", "2022-01-01")], held("b", "2021-01-01"), "overlapping_validity"),
        ([held("a", "2022-01-01")], held("b", "2021-01-01", "2023-01-01"), "overlapping_validity"),
        ([held("a", "2020-01-01", "2024-01-01")], held("b", "2021-01-01", "2022-01-01"), "overlapping_validity"),
        ([held("a", "2020-01-01")], held("b", "2021-01-01", "2020-06-01"), "days_out_of_order"),
        ([held("a", "2020-01-01", told="load 2")], held("b", "2020-01-01"), "twice_in_one_load"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(before: list[Held], said: Held, code: str) -> None:
    with pytest.raises(Refused) as refused:
        settle(before, Held(said.values, said.since, said.until, told="load 2"), TODAY)
    assert refused.value.code == code


def test_a_refusal_names_both_spans_and_the_load() -> None:
    with pytest.raises(Refused, match=r"自 2021-01-01 起，.*自 2020-01-01 起、到 2022-01-01 止（装载 load 1）"):
        settle([held("a", "2020-01-01", "2022-01-01")], held("b", "2021-01-01", told="load 2"), TODAY)


def test_what_is_not_mentioned_stays_and_none_takes_back() -> None:
    first = Held({"name": "a", "phone": "1"}, day("2020-01-01"), None, told="load 1")
    found = settle([first], Held({"phone": None, "sex": "1"}, day("2021-01-01"), None, told="load 2"), TODAY)
    assert found.held[-1].values == {"name": "a", "sex": "1"}


DAYS = st.one_of(st.none(), st.dates(dt.date(2020, 1, 1), dt.date(2020, 2, 10)))
SAID = st.builds(Held, st.fixed_dictionaries({"name": st.sampled_from("abc")}), DAYS, DAYS)


@settings(max_examples=300, deadline=None)
@given(st.lists(SAID, max_size=12))
def test_whatever_is_said_no_two_states_hold_on_one_day(said: list[Held]) -> None:
    known: tuple[Held, ...] = ()
    for number, one in enumerate(said):
        try:
            known = settle(known, Held(one.values, one.since, one.until, told=f"load {number}"), TODAY).held
        except Refused:
            continue
        for here, following in itertools.pairwise(known):
            assert here.until is not None
            assert following.since is not None
            assert here.until <= following.since
