# SPDX-License-Identifier: Apache-2.0
"""Dated tables: the edition in force on a day, and the days on which something changes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from chengyun.city import Limits
from chengyun.city.declare import collecting


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    (tmp_path / "limits.toml").write_text(
        """
        [[aqi.pm25]]
        in_force = 2016-01-01
        source = "HJ 633-2012, table 1"
        unit = "µg/m³"
        top = 75.5
        [[aqi.pm25]]
        in_force = 2026-03-01
        source = "HJ 633-2026, table 3"
        source_zh = "HJ 633-2026，表 3"
        top = 60
        [[hours]]
        in_force = 2026-03-01
        source = "table 4"
        least = 20
        """
    )
    return Limits.read(tmp_path / "limits.toml")


def test_a_source_may_be_said_in_chinese_too(limits: Limits, tmp_path: Path) -> None:
    older, newer = limits.editions("aqi.pm25")
    assert (older.source_zh, newer.source_zh, newer.source) == ("", "HJ 633-2026，表 3", "HJ 633-2026, table 3")
    assert dict(newer.values) == {"top": 60}
    text = (tmp_path / "limits.toml").read_text()
    (tmp_path / "limits.toml").write_text(text.replace('"HJ 633-2026，表 3"', "3"))
    with collecting() as faults:
        Limits.read(tmp_path / "limits.toml")
    assert "source_zh 3 is no text" in str(faults)


@pytest.mark.parametrize(
    ("day", "top"), [("2016-01-01", Decimal("75.5")), ("2026-02-28", Decimal("75.5")), ("2026-03-01", 60), ("2030-01-01", 60)]
)
def test_the_entry_in_force_on_a_day(limits: Limits, day: str, top: Decimal) -> None:
    assert limits.on("aqi.pm25", dt.date.fromisoformat(day))["top"] == top


def test_numbers_are_exact(limits: Limits) -> None:
    assert type(limits.editions("aqi.pm25")[0]["top"]) is Decimal


def test_before_the_first_edition_nothing_is_in_force(limits: Limits) -> None:
    with pytest.raises(LookupError, match="nothing in force on 2015-12-31; the first edition is of 2016-01-01"):
        limits.on("aqi.pm25", dt.date(2015, 12, 31))


def test_an_unknown_table_suggests_the_nearest(limits: Limits) -> None:
    with pytest.raises(KeyError, match=r'Did you mean \\?"aqi.pm25'):
        limits.editions("aqi.pm52")


def test_changes_lie_strictly_inside_the_span(limits: Limits) -> None:
    change = dt.date(2026, 3, 1)
    names = ["aqi.pm25", "hours"]
    assert limits.changes(names, dt.date(2016, 1, 1), dt.date(2027, 1, 1)) == [change]
    assert limits.changes(names, change, dt.date(2027, 1, 1)) == []
    assert limits.changes(names, dt.date(2020, 1, 1), change) == []


def test_tables_are_listed_in_order(limits: Limits) -> None:
    assert list(limits) == ["aqi.pm25", "hours"]
    assert "hours" in limits
    assert "aqi" not in limits
