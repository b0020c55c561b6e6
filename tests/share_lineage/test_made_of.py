# SPDX-License-Identifier: Apache-2.0
"""What rules say their columns are made of, held to what they do: one column of the rows is changed at a time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from chengyun.city import Rule

POLLUTANTS = ("so2", "no2", "co", "o3", "pm10", "pm25")
DAY = dt.date(2025, 6, 1)
HOUR = dt.datetime(2025, 6, 1, 4, tzinfo=dt.UTC)
LIMITS = settings.CITY.packs["air_quality"].limits
SUMS = {f"{name}_sum": Decimal(480 if name != "co" else 24) for name in POLLUTANTS}


def hours() -> list[dict[str, Any]]:
    one = {f"{name}_sum": Decimal(40 if name != "co" else 1) for name in POLLUTANTS} | dict.fromkeys(
        [f"{name}_n" for name in POLLUTANTS], 1
    )
    return [{"station": "A", "hour_start": HOUR, **one, "stations": 1, "simulated": False}]


def days() -> list[dict[str, Any]]:
    counts = dict.fromkeys([f"{name}_n" for name in POLLUTANTS], 24)
    ozone = {"o3_hours": list(range(24)), "o3_values": [Decimal(60 + hour) for hour in range(24)]}
    return [
        {"area": "330200", "day": DAY, "station": station, **SUMS, **counts, **ozone, "simulated": False}
        for station in ("A", "B")
    ]


def reports() -> list[dict[str, Any]]:
    means = {name: Decimal(40 if name != "co" else 1) for name in POLLUTANTS if name != "o3"}
    return [{"city": "宁波", "day": DAY, **means, "o3_8h": Decimal(90), "published_aqi": 60, "simulated": False}]


def months() -> list[dict[str, Any]]:
    lists = {name: [str(20 + day) if name != "co" else "1" for day in range(30)] for name in POLLUTANTS}
    return [{"area": "330200", "month": DAY, **lists, "days": 30, "coverage": 1.0, "simulated": False}]


def other(value: Any) -> Any:
    """Return another value of the same kind, far enough away to be noticed after rounding."""
    match value:
        case bool():
            return not value
        case Decimal():
            return value * 3
        case int() | float():
            return value - 5 if value > 20 else value + 4
        case [Decimal(), *_]:
            return [one * 2 for one in value]
        case [str(), *_]:
            return [str(Decimal(one) * 3) for one in value]
        case [int(), *_]:
            return value[::-1]
    return value


@pytest.mark.parametrize(
    ("rule", "rows"),
    [("air_of_hours", hours()), ("air_of_days", days()), ("air_of_reports", reports()), ("assess_month", months())],
)
def test_a_column_changes_only_with_what_it_is_made_of(rule: str, rows: list[dict[str, Any]]) -> None:
    declared: Rule = settings.CITY.rules[f"air_quality.{rule}"]
    plain = declared.compute([dict(row) for row in rows], LIMITS)
    assert plain
    moved: dict[str, set[str]] = {}
    for column in list(rows[0])[2:]:
        if column == "station":
            continue
        for changed in declared.compute([{**row, column: other(row[column])} for row in rows], LIMITS):
            for name, value in changed.items():
                if value != plain[0].get(name):
                    moved.setdefault(name, set()).add(column)
    for name, parts in declared.made_of.items():
        assert moved.get(name, set()) <= set(parts), name
    # And the declarations are not merely wide: what they name does move figures.
    assert sum(name in moved for name in declared.made_of) >= len(declared.made_of) // 2
