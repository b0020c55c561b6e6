# SPDX-License-Identifier: Apache-2.0
"""SQL, followed column by column; and every formula of every pack."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from django.conf import settings

from chengyun.share.lineage.formulas import unresolved
from chengyun.share.lineage.sql import Resolved, resolve

TABLES = {"p": {"hours": ("station", "at", "pm25", "o3", "quality"), "station": ("key", "district", "capacity"),
                "figure_day": ("subject", "period_start", "value", "detail", "exact", "stations")}}  # fmt: skip


def read(sql: str) -> Resolved:
    return resolve(sql, TABLES, "p", frozenset({"p.figure_day"}))


def made(sql: str, column: str) -> set[tuple[str, str, str]]:
    found = next(one for one in read(sql).made if one.column == column)
    return {(leaf.table, leaf.column, leaf.how) for leaf in found.leaves}


def test_every_column_of_every_formula_of_every_pack_is_followed() -> None:
    assert settings.CITY.indicators
    assert unresolved(settings.CITY, {}) == []


def test_a_column_is_followed_through_ctes_unions_and_stars() -> None:
    sql = """WITH a AS (SELECT s.district AS area, h.* FROM hours h JOIN station s ON s.key = h.station
                        UNION ALL SELECT 'all' AS area, h.* FROM hours h),
                  b AS (SELECT area, at, pm25 * 2 AS twice FROM a)
             SELECT area, MAX(twice) AS most FROM b GROUP BY area"""
    assert made(sql, "area") == {("p.station", "district", "identity")}
    assert made(sql, "most") == {("p.hours", "pm25", "aggregation")}
    decided = {(leaf.column, leaf.how) for one in read(sql).decided for leaf in one.leaves}
    assert decided == {("key", "join"), ("station", "join"), ("district", "group_by")}


def test_windows_filters_and_conditions_are_told_from_values() -> None:
    sql = """SELECT station, LAG(pm25) OVER (PARTITION BY station ORDER BY at) AS before,
                    CASE WHEN o3 > 1 THEN pm25 END AS some, SUM(pm25) FILTER (WHERE quality = 0) AS clean
             FROM hours WHERE at >= $since"""
    before = made(sql, "before")
    assert {("p.hours", "station", "window")} < before
    assert {column for _table, column, _how in before} == {
        "pm25",
        "station",
        "at",
    }
    assert {how for _table, column, how in before if column == "pm25"} <= {"aggregation", "transformation"}
    assert {how for _table, column, how in before if column == "at"} <= {"sort", "window"}
    assert made(sql, "some") == {("p.hours", "pm25", "transformation"), ("p.hours", "o3", "conditional")}
    assert made(sql, "clean") == {("p.hours", "pm25", "aggregation"), ("p.hours", "quality", "conditional")}


def test_a_subquery_in_a_value_is_followed() -> None:
    sql = "SELECT h.station, h.pm25 / (SELECT MAX(s.capacity) FROM station s WHERE s.key = h.station) AS share FROM hours h"
    assert {("p.hours", "pm25", "transformation"), ("p.station", "capacity", "aggregation")} <= made(sql, "share")


def test_json_read_by_path_is_the_column_it_holds() -> None:
    sql = """SELECT d.subject, LIST(d.detail ->> '$.exact.so2' ORDER BY d.period_start) AS so2, COUNT(*) AS days
             FROM (SELECT f.subject, f.detail, f.period_start FROM figure_day f) d GROUP BY d.subject"""
    assert made(sql, "so2") == {("p.figure_day", "exact", "aggregation"), ("p.figure_day", "period_start", "sort")}
    assert made(sql, "days") == set()


def test_what_leads_nowhere_is_named() -> None:
    assert read("SELECT a.station, b.pm25 AS x FROM hours a").lost == ("b.pm25",)
    assert read("SELECT d.y FROM (SELECT h.station FROM hours h) d").lost == ("d.y",)
    assert read("SELECT FROM WHERE").lost


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT h.station, h.hour_start, h.pm99 AS pm25_24h FROM station_hour h", "has no column 'pm99'"),
        ("SELECT h.station, h.hour_start, h.pm25 * $factor AS pm25_24h FROM station_hour h", "$factor is no parameter"),
        ("SELECT h.station, h.hour_start, x.pm25 AS pm25_24h FROM station_hour h, elsewhere x", "elsewhere"),
    ],
)
def test_a_formula_that_cannot_be_followed_is_named_with_its_column(sql: str, says: str) -> None:
    city = copy.copy(settings.CITY)
    wrong = dataclasses.replace(city.indicators["air_quality.pm25_daily"], sql=sql, parameters={})
    city.indicators = {"air_quality.pm25_daily": wrong}
    assert any(says in one for one in unresolved(city, {}))
