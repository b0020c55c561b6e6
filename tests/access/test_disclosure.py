# SPDX-License-Identifier: Apache-2.0
"""Small cells stay small: a reader who subtracts and solves learns no count that was withheld."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chengyun.access.disclosure import ALL, Group, k_anonymity, l_diversity, suppress

Table = dict[tuple[str, ...], int]


def test_a_small_cell_takes_others_with_it() -> None:
    shown = suppress({("a", "x"): 2, ("a", "y"): 30, ("b", "x"): 40, ("b", "y"): 50, ("c", "x"): 60, ("c", "y"): 70})
    assert shown["a", "x"] is None
    # Each of its lines has another withheld cell, and so has each line of those.
    assert [key for key, count in shown.items() if count is None and ALL not in key] == [
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
        ("b", "y"),
    ]
    assert shown["c", "x"] == 60
    assert shown[ALL, ALL] == 252


def test_a_table_without_small_cells_is_shown_whole_and_zero_is_told() -> None:
    counts = {("a", "x"): 5, ("a", "y"): 6, ("b", "x"): 7}
    shown = suppress(counts)
    assert None not in shown.values()
    assert shown["b", "y"] == 0
    assert shown["a", ALL] == 11
    assert suppress({}) == {}


def test_small_sums_are_withheld_too() -> None:
    shown = suppress({("a", "x"): 1, ("a", "y"): 2, ("b", "x"): 30, ("b", "y"): 30})
    assert shown["a", ALL] is None
    assert shown["b", ALL] is None or shown[ALL, ALL] is None


tables = some.dictionaries(
    some.tuples(some.sampled_from("abc"), some.sampled_from("xyz")), some.integers(0, 14), min_size=1, max_size=9
)  # fmt: skip


@given(tables)
def test_no_line_can_be_solved(counts: Table) -> None:
    shown = suppress(counts)
    whole = suppress(counts, smallest=1)
    assert None not in whole.values()
    for key, count in whole.items():
        assert shown[key] in (None, count)
        assert count is not None
        if 0 < count < 5:
            assert shown[key] is None
    rows, columns = {key[0] for key in shown}, {key[1] for key in shown}
    lines = [[(row, column) for column in columns] for row in rows] + [[(row, column) for row in rows] for column in columns]
    for line in lines:
        out = [key for key in line if shown[key] is None]
        assert len(out) != 1
        if out and all(ALL not in key or shown[key] is not None for key in line):
            assert sum(whole[key] or 0 for key in out) >= 5 or all(shown[key] is None or not whole[key] for key in line)


@settings(deadline=None, max_examples=25)
@given(some.lists(some.integers(1, 9), min_size=4, max_size=4))
def test_another_table_fits_what_is_shown(cells: list[int]) -> None:
    counts = dict(zip(itertools.product("ab", "xy"), cells, strict=True))
    shown = suppress(counts)
    fitting = set()
    for tried in itertools.product(range(12), repeat=4):
        (ax, ay), (bx, by) = tried[:2], tried[2:]
        whole = dict(
            zip(itertools.product("abs", "xys"), (ax, ay, ax + ay, bx, by, bx + by, ax + bx, ay + by, sum(tried)), strict=True)
        )
        if all(
            count is None or whole[key[0].replace(ALL, "s"), key[1].replace(ALL, "s")] == count for key, count in shown.items()
        ):
            fitting.add(tried)
        if len(fitting) > 1:
            break
    assert len(fitting) > 1 or None not in shown.values()


PEOPLE = [
    *({"area": "海曙", "birth": "1990", "illness": "a" if n % 2 else "b"} for n in range(6)),
    *({"area": "鄞州", "birth": "1985", "illness": "a"} for _ in range(7)),
    {"area": "镇海", "birth": "1985", "illness": "c"},
]


def test_groups_that_are_too_small_or_too_alike_are_named() -> None:
    quasi = ["area", "birth"]
    assert k_anonymity(PEOPLE, quasi) == [Group(("镇海", "1985"), 1)]
    assert k_anonymity(PEOPLE, ["birth"]) == []
    assert k_anonymity([], quasi) == []
    assert l_diversity(PEOPLE, quasi, "illness") == [Group(("镇海", "1985"), 1, 1), Group(("鄞州", "1985"), 7, 1)]
    assert l_diversity(PEOPLE, ["birth"], "illness") == []


def test_keys_of_another_shape_are_refused() -> None:
    for wrong in ({("a",): 1, ("a", "b"): 1}, {(ALL, "a"): 1}, {("a", "b"): -1}):
        with pytest.raises(ValueError, match=r"every key|below zero"):
            suppress(wrong)
