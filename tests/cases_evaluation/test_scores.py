# SPDX-License-Identifier: Apache-2.0
"""Rates and scores: the published vectors, denominators of 0, bands and grades at their bounds."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from chengyun.cases.evaluation.declared import Book, read_book
from chengyun.cases.evaluation.scores import grade_of, rate_of, score_of
from chengyun.errors import Misdeclared

EXAMPLES = tomllib.loads((Path(__file__).parent / "examples.toml").read_text())["examples"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[one["says"] for one in EXAMPLES])
def test_worked_examples(declared: Book, example: dict) -> None:
    score = score_of(declared.profile(example["profile"]), defaultdict(int, example["counts"]))
    assert score.value == (Fraction(example["value"]) if example["value"] else None)
    assert score.grade == example["grade"]


@pytest.mark.parametrize(
    ("accepted", "points"),
    [(0, 0), (100, 0), (101, 40), (300, 40), (301, 60), (500, 60),
     (501, 75), (1200, 75), (1201, 90), (2000, 90), (2001, 100)],
)  # fmt: skip
def test_bands_begin_where_the_reference_says(declared: Book, accepted: int, points: int) -> None:
    term = declared.profile("intake").terms[0]
    assert term.bands is not None
    assert term.bands.points(accepted) == points


@pytest.mark.parametrize(
    ("value", "grade"), [("100", "A"), ("90", "A"), ("89.99", "B"), ("75", "B"), ("60", "C"), ("40", "D"), ("0", "E")]
)
def test_a_grades_bound_belongs_to_the_better_grade(declared: Book, value: str, grade: str) -> None:
    assert grade_of(Fraction(value), declared.profile("intake")) == grade


def test_nothing_due_is_no_rate(declared: Book) -> None:
    assert all(rate_of(rate, defaultdict(int)) is None for rate in declared.rates.values())


def test_a_missing_term_can_give_its_weight_to_the_others(declared: Book) -> None:
    counts = defaultdict(int, handle_due=10, handled_on_time=8, overdue_open=1, reworked_handled=2)
    score = score_of(declared.profile("department_outcome"), counts)
    assert score.value == Fraction(80 * 40 + 80 * 15 + 90 * 15, 70)


def test_doubts_name_what_no_source_settles(declared: Book) -> None:
    assert declared.profile("department_jinniu").doubts == ()
    assert declared.profile("area").doubts == ("权重", "立案数分值")
    assert declared.profile("dispatcher").doubts == ("派遣数分值",)


def test_what_is_misspelt_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "evaluation.toml"
    file.write_text(
        '[[rates.handled]]\nin_force = 2020-01-01\nsource = "s"\nname = "n"\nmet = "handld"\ndue = "handle_due"\n'
        '[[grades]]\nin_force = 2020-01-01\nsource = "s"\nbounds = [[0, "E"]]\n'
        '[[profiles.one]]\nin_force = 2020-01-01\nsource = "s"\nname = "n"\ndimension = "department"\n'
        'terms = [{ rate = "handled", weight = 90 }]\n'
    )
    with pytest.raises(Misdeclared) as wrong:
        read_book(file, dt.date(2026, 1, 1))
    assert "handled" in str(wrong.value)
    assert "90" in str(wrong.value)


def test_an_edition_counts_from_its_day(tmp_path: Path, declared: Book) -> None:
    entry = '[[grades]]\nin_force = {day}\nsource = "s"\nbounds = [[{bound}, "A"], [0, "E"]]\n'
    rate = '[[rates.h]]\nin_force = 2020-01-01\nsource = "s"\nname = "n"\nmet = "handled"\ndue = "handle_due"\n'
    one = (
        '[[profiles.one]]\nin_force = 2020-01-01\nsource = "s"\nname = "n"\ndimension = "department"\n'
        'terms = [{ rate = "h", weight = 100 }]\n'
    )
    file = tmp_path / "evaluation.toml"
    file.write_text(entry.format(day="2020-01-01", bound=90) + entry.format(day="2026-10-01", bound=95) + rate + one)
    before, after = (read_book(file, dt.date(2026, *day)).profile("one") for day in ((9, 30), (10, 1)))
    assert (grade_of(92, before), grade_of(92, after)) == ("A", "E")
