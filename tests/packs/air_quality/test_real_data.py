# SPDX-License-Identifier: Apache-2.0
"""Every published AQI of the project's data against our arithmetic; each difference has a cause, and the page says which."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from chengyun.city import load_city
from chengyun.packs.air_quality.tests import comparison

LIMITS = load_city(["chengyun.packs.air_quality"]).limits("air_quality.aqi")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "air-quality.md"

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def found(shared: Path) -> comparison.Results:
    return comparison.compare(shared / "data", shared / "reference", LIMITS)


def test_of_the_daily_reports_all_but_one_difference_has_a_known_cause(found: comparison.Results) -> None:
    total: Counter[str] = Counter()
    for (_, cause), count in found.classes.items():
        total[cause] += count
    assert total == {
        "equal": 5445, "unrounded": 789, "nearest": 209, "gases by the hour": 425, "other hours": 72, "unexplained": 1,
    }  # fmt: skip
    ningbo = {size: count for (city, size), count in found.sizes.items() if city == "宁波"}
    assert sum(ningbo.values()) == 1157
    assert ningbo[0] / 1157 > 0.72
    assert sum(count for size, count in ningbo.items() if abs(size) <= 1) / 1157 > 0.90


def test_every_published_hour_is_equal_with_its_level_and_its_primary_pollutants(found: comparison.Results) -> None:
    hours = found.hours
    assert hours["AQI equal"] == hours["level equal"] == hours["primary pollutants equal"] == 34660
    assert hours["AQI different"] + hours["level different"] + hours["primary pollutants different"] == 0


def test_the_snapshot_agrees_only_with_its_ozone_columns_put_right(found: comparison.Results) -> None:
    assert (found.snapshot["as meant: equal"], found.snapshot["as meant: different"]) == (1475, 0)
    assert found.snapshot["as named: different"] == 190


def test_two_computations_of_beijing_agree_on_every_hour(found: comparison.Results) -> None:
    assert found.beijing["hours"] == found.beijing["equal to the second computation"] == 6 * 35064


def test_the_page_shows_what_is_computed(found: comparison.Results) -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = comparison.tables(found)
    assert {block["name"] for block in comparison.BLOCK.finditer(text)} == set(made)
    assert comparison.fill(text, made) == text
