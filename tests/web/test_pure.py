# SPDX-License-Identifier: Apache-2.0
"""How values are written, and which points a chart keeps."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from chengyun.city import Above, Below, Unusual
from chengyun.web import cache, shown
from chengyun.web.alerts.wording import condition
from chengyun.web.desk.pages import Listed
from chengyun.web.downsample import extremes

CSS = Path(__file__).resolve().parents[2] / "src" / "chengyun" / "web" / "css"
PARTS = (
    "crews.css",
    "decide.css",
    "dispatch.css",
    "evaluation.css",
    "indices.css",
    "lineage.css",
    "report.css",
    "statistics.css",
)
NOON = dt.datetime(2026, 3, 1, 4, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (dt.timedelta(seconds=59), "59 秒钟前"),
        (dt.timedelta(minutes=119), "119 分钟前"),
        (dt.timedelta(hours=47), "47 小时前"),
        (dt.timedelta(days=9), "9 天前"),
        (dt.timedelta(minutes=-5), "5 分钟后"),
    ],
)
def test_an_age_is_said_in_one_unit(before: dt.timedelta, says: str) -> None:
    with translation.override("zh-hans"):
        assert shown.age(NOON - before, NOON) == says


@pytest.mark.parametrize(
    ("value", "decimals", "says"),
    [
        (None, 1, "—"), (0.0, 1, "0.0 小时"), (0.002, 1, "不到 1 分钟"), (0.05, 1, "3 分钟"), (0.25, 1, "0.2 小时"),
        (0.25, 0, "15 分钟"), (1234.5, 0, "1,234 小时"),
    ],
)  # fmt: skip
def test_few_hours_are_said_in_minutes(value: float | None, decimals: int, says: str) -> None:
    with translation.override("zh-hans"):
        assert shown.hours(value, decimals) == says


def test_a_moment_is_local_and_in_the_language_of_the_page() -> None:
    with translation.override("zh-hans"):
        assert shown.moment(NOON) == "2026-03-01 12:00"
    with translation.override("en"):
        assert shown.moment(NOON) == "1 Mar 2026, 12:00"


@pytest.mark.parametrize(("value", "says"), [(None, "—"), (float("nan"), "—"), (0.0, "0"), (1234.5, "1,234"), (-0.5, "-0")])
def test_a_number_is_rounded_and_the_unknown_is_a_dash(value: float | None, says: str) -> None:
    assert shown.number(value) == says


def test_lists_and_clauses_have_the_marks_of_the_page_s_language() -> None:
    with translation.override("en"):
        assert (shown.listed(["a", "b"]), shown.clauses(["a", "", "b"]), shown.mark("（")) == ("a, b", "a, b", " (")
        assert shown.listed(["a", "b"], "；") == "a; b"
        assert condition(Above(limit=5.0, clear=3.0), unit="个") == "above 5, ends at 3"
    with translation.override("zh-hans"):
        assert (shown.listed(["a", "b"]), shown.clauses(["a", "", "b"]), shown.mark("（")) == ("a、b", "a，b", "（")


@pytest.mark.parametrize(
    ("symbol", "chinese", "english"),
    [("1", "", ""), ("", "", ""), ("µg/m³", "µg/m³", "µg/m³"), ("辆", "辆", "vehicles"), ("个", "个", "")],
)
def test_a_unit_is_written_in_the_language_of_the_page(symbol: str, chinese: str, english: str) -> None:
    with translation.override("zh-hans"):
        assert shown.unit(symbol) == chinese
    with translation.override("en"):
        assert shown.unit(symbol) == english


@pytest.mark.parametrize(
    ("kind", "says"), [("hour", "03-01 12:00–13:00"), ("day", "2026-03-01"), ("month", "2026 年 3 月"), ("year", "2026 年")]
)
def test_a_period_has_its_own_name(kind: str, says: str) -> None:
    with translation.override("zh-hans"):
        assert shown.period(NOON, kind) == says


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.integers(1, 50))
def test_fewer_points_keep_the_lowest_and_the_highest(values: list[float], stretches: int) -> None:
    times = np.arange(len(values), dtype=np.int64) * 60_000
    kept = extremes(times, np.array(values), stretches, None)
    shown_values = [value for _moment, value in kept]
    assert min(shown_values) == min(values)
    assert max(shown_values) == max(values)
    assert [moment for moment, _value in kept] == sorted({moment for moment, _value in kept})
    assert len(kept) <= max(2 * stretches, 2)
    assert all(values[moment // 60_000] == value for moment, value in kept)


def test_a_gap_breaks_the_line_and_an_unknown_value_is_no_point() -> None:
    times = np.array([0, 1, 2, 10], dtype=np.int64) * 3_600_000
    points = extremes(times, np.array([1.0, np.nan, 3.0, 4.0]), 100, 3 * 3_600_000)
    assert [value for _moment, value in points] == [1.0, 3.0, None, 4.0]


def test_what_many_ask_for_is_made_once() -> None:
    cache.forget_all()
    made: list[int] = []

    def make() -> int:
        made.append(1)
        time.sleep(0.05)
        return len(made)

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(cache.kept("k", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    assert cache.kept("k", make, for_s=0) == 2


@pytest.mark.parametrize(
    ("when", "unit", "says"),
    [
        (Above(150.0, times=2, clear=115.0), "µg/m³", "高于 150 µg/m³，连续 2 次，回到 115 µg/m³ 解除"),
        (Above(21600.0, clear=30.0), "s", "高于 6 小时，回到 30 s 解除"),
        (Below(1.0), "1", "低于 1"),
        (Above("gone.table:entry"), "%", "高于 gone.table:entry"),
        (Unusual(probability=1e-4), "", "与往常此刻相差悬殊（正常时约 10,000 次里有一次）"),
    ],
)
def test_what_a_rule_watches_for_is_said_with_its_unit(when: object, unit: str, says: str) -> None:
    with translation.override("zh-hans"):
        assert condition(when, unit=unit) == says


def test_a_list_without_entries_has_no_pages() -> None:
    def pager(*items: str) -> str:
        return render_to_string("desk/pager.html", {"listed": Listed(items, number=1, more=False, query="")}).strip()

    assert pager() == ""
    assert "pager" in pager("one")


def test_a_style_names_no_class_of_another_sheet() -> None:
    """A part's own sheet that styles a shared class changes every page: the key of a drawing once broke all legends."""
    sheets = {path.name: path.read_text("utf-8") for path in CSS.glob("*.css")}
    shared = set(re.findall(r"^\.([a-z]+)(?= *[{:>. ,])", sheets["components.css"], re.MULTILINE))
    own = {name: set(re.findall(r"^\.([a-z]+) *\{", sheets[name], re.MULTILINE)) & shared for name in PARTS}
    assert {name: found for name, found in own.items() if found} == {}
