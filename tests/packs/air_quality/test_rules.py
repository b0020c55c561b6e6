# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of HJ 633 against worked examples and the project's vectors."""

from __future__ import annotations

import csv
import datetime as dt
import math
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengyun.city import load_city
from chengyun.packs.air_quality import tests as pack_tests
from chengyun.packs.air_quality.rules import POLLUTANTS, iaqi, judge, pollutant_of, round_half_even, symbols

LIMITS = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
EXAMPLES = tomllib.loads((Path(pack_tests.__file__).parent / "examples.toml").read_text(encoding="utf-8"))

SINGLE = [
    pytest.param(item, one["concentration"], day, index, id=f"{item}-{one['concentration']}-{day}")
    for item, ones in EXAMPLES["iaqi"].items()
    for one in ones
    for day, index in one["gives"].items()
]
SETS = [
    pytest.param(one["means"], day, expected, id=f"{one['says']}-{day}")
    for one in EXAMPLES["day"]
    for day, expected in one["on"].items()
]


def index_of(item: str, concentration: str, day: dt.date) -> int | None:
    table = LIMITS.on(f"iaqi.{item}", day)
    rounded = round_half_even(Fraction(concentration), LIMITS.on("rounding.decimals", day)[pollutant_of(item)])
    return iaqi(rounded, table["bands"], above_top=table["above_top"])


def known(value: Any) -> Any:
    return None if value == "none" else value


@pytest.mark.parametrize(("item", "concentration", "day", "index"), SINGLE)
def test_an_example_gives_its_index(item: str, concentration: str, day: str, index: int | str) -> None:
    assert index_of(item, concentration, dt.date.fromisoformat(day)) == known(index)


@pytest.mark.parametrize(("means", "day", "expected"), SETS)
def test_a_set_of_means_gives_its_air(means: dict[str, str], day: str, expected: dict[str, Any]) -> None:
    air = judge({item: Fraction(text) for item, text in means.items()}, dt.date.fromisoformat(day), "daily", LIMITS)
    assert {key: index for key, index in air.iaqi.items() if index is not None} == expected["iaqi"]
    assert air.aqi == known(expected["aqi"])
    assert air.level_name == known(expected["level"])
    assert list(air.primary) == expected["primary"]
    assert list(air.exceeded) == expected["exceeded"]


def test_every_vector_of_the_project_comes_out(shared: Path) -> None:
    names = {symbol: key for key, symbol in POLLUTANTS.items()}
    days = {"HJ633-2012": dt.date(2016, 1, 1), "HJ633-2026": dt.date(2026, 3, 1)}
    with (shared / "reference" / "iaqi_test_vectors.csv").open(encoding="utf-8", newline="") as file:
        vectors = list(csv.DictReader(file))
    wrong = [
        vector
        for vector in vectors
        if index_of(f"{names[vector['pollutant']]}_{vector['averaging']}", vector["concentration"], days[vector["standard"]])
        != (int(vector["expected_iaqi"]) if vector["expected_iaqi"] else None)
    ]
    assert len(vectors) == 122
    assert wrong == []


def test_the_tables_are_those_of_the_reference(shared: Path) -> None:
    names = {symbol: key for key, symbol in POLLUTANTS.items()}
    days = {"HJ633-2012": dt.date(2016, 1, 1), "HJ633-2026": dt.date(2026, 3, 1)}
    tables: dict[tuple[str, dt.date], list[list[int]]] = {}
    with (shared / "reference" / "aqi_breakpoints.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            item = f"{names[row['pollutant']]}_{row['averaging']}"
            tables.setdefault((item, days[row["standard"]]), []).append([int(row["concentration"]), int(row["iaqi"])])
    assert {key: LIMITS.on(f"iaqi.{key[0]}", key[1])["bands"] for key in tables} == tables


def test_the_limits_are_those_of_the_reference(shared: Path) -> None:
    names = {symbol: key for key, symbol in POLLUTANTS.items()}
    spans = {"annual": "year", "daily_max_8h": "8h"}
    with (shared / "reference" / "gb3095_limits.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    read = [
        LIMITS.on(
            f"gb3095.{names[row['pollutant']]}_{spans.get(row['averaging'], row['averaging'])}",
            dt.date.fromisoformat(row["effective_from"]),
        )
        for row in rows
    ]
    assert [(str(one["grade1"]), str(one["grade2"])) for one in read] == [(row["grade1"], row["grade2"]) for row in rows]


@given(st.fractions(min_value=0, max_value=3000), st.sampled_from(["pm25_24h", "pm10_24h", "so2_24h", "no2_1h", "o3_1h"]))
def test_more_of_a_pollutant_is_never_a_lower_index(concentration: Fraction, item: str) -> None:
    bands = LIMITS.on(f"iaqi.{item}", dt.date(2026, 3, 1))["bands"]
    index, more = iaqi(concentration, bands), iaqi(concentration + 1, bands)
    assert index is not None
    assert more is not None
    assert 0 <= index <= more <= 500


@given(st.fractions(min_value=-1000, max_value=1000), st.integers(min_value=0, max_value=3))
def test_rounding_moves_half_a_step_at_most_and_halves_to_even(value: Fraction, decimals: int) -> None:
    rounded = round_half_even(value, decimals)
    step = Fraction(1, 10**decimals)
    assert (rounded / step).denominator == 1
    assert abs(rounded - value) <= step / 2
    assert abs(rounded - value) < step / 2 or math.floor(rounded / step) % 2 == 0


def test_a_concentration_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="below zero"):
        iaqi(Fraction(-1), [[0, 0], [35, 50]])


def test_days_before_the_first_edition_are_not_judged() -> None:
    air = judge({"pm25_24h": Fraction(80)}, dt.date(2012, 12, 31), "daily", LIMITS)
    assert (air.aqi, air.level, air.primary) == (None, None, ())


def test_pollutants_are_written_as_people_do() -> None:
    assert symbols(["pm25", "o3"]) == "PM2.5, O3"
    assert symbols([]) is None
