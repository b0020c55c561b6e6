# SPDX-License-Identifier: Apache-2.0
"""Records of two invented sources, whose truth is known: what is taken, what is left, and why."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from chengyun.errors import Refused
from chengyun.share.registers.planted import COLUMNS, sources

pytest.importorskip("splink")
duckdb = pytest.importorskip("duckdb")

from chengyun.share.registers.matching import Matched, match  # noqa: E402

SIZE = 2_000
TWINS = [
    ("A_ONE", "王伟", "330202199001019012", "1990-01-01", "1", "", "宁波市海曙区甲路1号"),
    ("A_TWO", "王炜", "330202199001019039", "1990-01-01", "1", "", "宁波市海曙区甲路1号"),
]


def put(connection: Any, name: str, rows: list[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> None:
    told = pa.table({column: [row[at] for row in rows] for at, column in enumerate(columns)})
    connection.register("told", told)
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM told")
    connection.unregister("told")


@pytest.fixture(scope="module")
def matched() -> tuple[Matched, dict[str, str]]:
    first, second, truth = sources(SIZE, seed=3)
    connection = duckdb.connect()
    put(connection, "first", [*first, *TWINS])
    put(connection, "second", [*second, *((key.replace("A_", "B_"), *rest) for key, *rest in TWINS)])
    truth |= {"A_ONE": "B_ONE", "A_TWO": "B_TWO"}
    return match(connection, "first", "second"), truth


def test_what_is_taken_is_right_and_nearly_all_of_it(matched: tuple[Matched, dict[str, str]]) -> None:
    found, truth = matched
    taken = [one for one in found.pairs() if one.taken]
    right = sum(truth.get(one.left) == one.right for one in taken)
    assert right / len(taken) >= 0.98
    assert right / len(truth) >= 0.95


def test_every_record_has_one_partner_at_most(matched: tuple[Matched, dict[str, str]]) -> None:
    pairs = list(matched[0].pairs())
    assert len({one.left for one in pairs}) == len(pairs) == len({one.right for one in pairs})


def test_a_weight_is_the_sum_of_its_reasons(matched: tuple[Matched, dict[str, str]]) -> None:
    for one in matched[0].pairs(50):
        assert sum(step.bits for step in one.steps) == pytest.approx(one.weight)
        assert one.steps[0].role == "prior"
        assert one.steps[0].bits < 0
    says = {step.says for one in matched[0].pairs() for step in one.steps}
    assert {"姓名相同", "姓名同音", "号码相同", "一方未知", "出生日期月日颠倒", "地址不同"} <= says


def test_two_who_differ_only_by_a_number_that_checks_are_two(matched: tuple[Matched, dict[str, str]]) -> None:
    """Twins whose names sound alike stay two, and each finds its own."""
    pairs = {one.left: one.right for one in matched[0].pairs()}
    assert (pairs["A_ONE"], pairs["A_TWO"]) == ("B_ONE", "B_TWO")


def test_what_cannot_be_compared_is_refused() -> None:
    connection = duckdb.connect()
    put(connection, "first", [("1", "王芳")], ("key", "name"))
    put(connection, "second", [("2", "13800000000")], ("key", "phone"))
    with pytest.raises(Refused, match="need a column key, and name or number"):
        match(connection, "first", "second")
    put(connection, "second", [("2", "")], ("key", "name"))
    with pytest.raises(Refused, match="Neither names nor numbers are known on both sides"):
        match(connection, "first", "second")
    rows = [(str(number), "王芳", f"33020219900101{number:04d}") for number in range(5)]
    put(connection, "first", rows, ("key", "name", "number"))
    put(connection, "second", rows, ("key", "name", "number"))
    with pytest.raises(Refused, match="too little to learn from"):
        match(connection, "first", "second")
    with pytest.raises(Refused, match="expected 0 < review_from"):
        match(connection, "first", "second", threshold=1.5)
