# SPDX-License-Identifier: Apache-2.0
"""Codes of divisions: shape, nesting, and what was valid when."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from chengyun.standards.divisions import NotOneToOne, ancestor, code_on, divisions, level_of, parent_of, valid_on

BEFORE, INSIDE, AFTER = dt.date(2016, 6, 30), dt.date(2016, 9, 20), dt.date(2016, 10, 1)


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("330200", "city", None),
        ("330212", "district", "330200"),
        ("330212006", "street", "330212"),
        ("330212006003", "community", "330212006"),
        ("33021200600312", "grid", "330212006003"),
        ("330212006003012", "grid", "330212006003"),
    ],
)
def test_codes_nest(code: str, level: str, parent: str | None) -> None:
    assert level_of(code) == level
    assert parent_of(code) == parent


def test_the_area_around_at_any_level() -> None:
    assert ancestor("330212006003012", "street") == "330212006"
    assert ancestor("330212006003012", "city") == "330200"
    assert ancestor("330212", "district") == "330212"
    assert ancestor("330212", "street") is None


@pytest.mark.parametrize(
    ("code", "fault"),
    [("33021", "5 digits"), ("3302120", "7 digits"), ("33O212", "other than digits"), ("", "other than digits"),
     ("３３０２１２", "other than digits"), ("330000", "province"), ("330200001", "leaves out a level"),
     ("330212000", "leaves out a level"), ("330212001000", "leaves out a level"), ("3302120010010001", "16 digits")],
)  # fmt: skip
def test_wrong_shapes_are_told(code: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        level_of(code)


def test_jiangdong_and_fenghua_end_in_2016() -> None:
    for old in ("330204", "330283"):
        assert valid_on(old, BEFORE) is True
        assert valid_on(old, INSIDE) is None, "the sources know the month, not the day"
        assert valid_on(old, AFTER) is False
    assert [valid_on("330213", day) for day in (BEFORE, INSIDE, AFTER)] == [False, None, True]
    assert valid_on("330203", dt.date(1982, 12, 31)) is False


def test_a_code_off_the_record_is_not_guessed() -> None:
    with pytest.raises(LookupError, match="No division 330214 is on record; the county-level units of 330200 宁波市 are"):
        valid_on("330214", AFTER)


def test_whole_divisions_have_one_successor() -> None:
    assert code_on("330204", BEFORE, AFTER) == "330212"
    assert code_on("330283", BEFORE, AFTER) == "330213"
    assert code_on("330227", dt.date(1995, 1, 1), dt.date(2010, 1, 1)) == "330212"
    assert code_on("330203", BEFORE, AFTER) == "330203"
    assert code_on("330212", BEFORE, BEFORE) == "330212"
    assert code_on("330212", AFTER, dt.date(2026, 1, 1)) == "330212"


def test_a_divided_district_has_no_single_successor() -> None:
    with pytest.raises(NotOneToOne, match="Part of 330212 鄞州区 went to 330203 海曙区 in 2016-09"):
        code_on("330212", BEFORE, AFTER)
    with pytest.raises(NotOneToOne, match="Decide by its street"):
        code_on("330227", dt.date(1995, 1, 1), AFTER)


def test_an_end_without_a_recorded_heir_is_refused() -> None:
    with pytest.raises(NotOneToOne, match="not on record"):
        code_on("330202", dt.date(1983, 6, 1), AFTER)


def test_ten_units_and_their_city_hold_today(shared: Path) -> None:
    today = dt.date(2026, 11, 21)
    current = {code for code, row in divisions().items() if row.level == "district" and valid_on(code, today)}
    with open(shared / "data/admin-ningbo/codes/areas.csv", encoding="utf-8") as file:
        published = {row["code"]: row["name"] for row in csv.DictReader(file)}
    assert current == set(published)
    assert {code: divisions()[code].name for code in current} == published


def test_years_agree_with_the_reference(shared: Path) -> None:
    with open(shared / "reference/admin_divisions_ningbo.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["level"] in ("district", "county", "county_city")]
    assert len(rows) == 19
    for row in rows:
        ours = divisions()[row["code"]]
        assert (ours.since.text[:4] if ours.since else "") == row["valid_from_year"], row["code"]
        assert (ours.until.text[:4] if ours.until else "") == row["valid_to_year"], row["code"]
