# SPDX-License-Identifier: Apache-2.0
"""Local days, months and years, and instants as sources write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengyun.standards.times import day_bounds, days_between, local_day, month_bounds, parse_instant, year_bounds

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = dt.timedelta(hours=1)


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_a_local_day_begins_at_sixteen_utc_the_day_before() -> None:
    assert day_bounds(dt.date(2026, 3, 1), SHANGHAI) == (_utc("2026-02-28T16:00"), _utc("2026-03-01T16:00"))
    assert local_day(_utc("2026-02-28T15:59:59"), SHANGHAI) == dt.date(2026, 2, 28)
    assert local_day(_utc("2026-02-28T16:00"), SHANGHAI) == dt.date(2026, 3, 1)


def test_days_of_chinese_summer_time_were_longer_and_shorter() -> None:
    lengths = {day: day_bounds(day, SHANGHAI) for day in (dt.date(1988, 4, 17), dt.date(1988, 9, 11), dt.date(1988, 7, 1))}
    assert [(end - start) / HOUR for start, end in lengths.values()] == [23, 25, 24]
    assert lengths[dt.date(1988, 7, 1)][0] == _utc("1988-06-30T15:00")
    assert local_day(_utc("1988-06-30T15:30"), SHANGHAI) == dt.date(1988, 7, 1)


@given(st.dates(dt.date(1900, 1, 2), dt.date(2100, 1, 1)))
def test_days_meet_without_gap_and_hold_their_own_instants(day: dt.date) -> None:
    start, end = day_bounds(day, SHANGHAI)
    assert end == day_bounds(day + dt.timedelta(days=1), SHANGHAI)[0]
    assert local_day(start, SHANGHAI) == day
    assert local_day(end - dt.timedelta(microseconds=1), SHANGHAI) == day


def test_a_skipped_midnight_starts_the_day_at_the_jump() -> None:
    # São Paulo, 2018-11-04: clocks went from 00:00 to 01:00.
    start, end = day_bounds(dt.date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))
    assert (start, (end - start) / HOUR) == (_utc("2018-11-04T03:00"), 23)


def test_months_and_years() -> None:
    assert month_bounds(dt.date(2026, 12, 31), SHANGHAI) == (_utc("2026-11-30T16:00"), _utc("2026-12-31T16:00"))
    assert month_bounds(dt.date(2024, 2, 29), SHANGHAI) == (_utc("2024-01-31T16:00"), _utc("2024-02-29T16:00"))
    assert year_bounds(2026, SHANGHAI) == (_utc("2025-12-31T16:00"), _utc("2026-12-31T16:00"))


def test_days_between_two_instants() -> None:
    since, until = _utc("2026-02-28T15:00"), _utc("2026-03-01T16:00")
    assert days_between(since, until, SHANGHAI) == [dt.date(2026, 2, 28), dt.date(2026, 3, 1)]
    assert days_between(since, since, SHANGHAI) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01T08:00:00+08:00", "2026-03-01T00:00"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00"),
        ("2026-03-01 08:00+08:00", "2026-03-01T00:00"),
        ("20260301T080000+0800", "2026-03-01T00:00"),
        (1772323200000, "2026-03-01T00:00"),
        (0, "1970-01-01T00:00"),
        (-1, "1969-12-31T23:59:59.999"),
    ],
)
def test_instants_are_read(written: str | int, meant: str) -> None:
    read = parse_instant(written)
    assert read == _utc(meant)
    assert read.tzinfo is dt.UTC


def test_a_time_without_an_offset_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="has no offset from UTC"):
        parse_instant("2026-03-01T08:00:00")
    assert parse_instant("2026-03-01T08:00:00", SHANGHAI) == _utc("2026-03-01T00:00")
    assert parse_instant("1988-07-01T08:00:00", SHANGHAI) == _utc("1988-06-30T23:00")


def test_a_time_that_clocks_jumped_over_is_refused() -> None:
    with pytest.raises(ValueError, match="never was"):
        parse_instant("1988-04-17T02:30:00", SHANGHAI)
    assert parse_instant("1988-09-11T01:30:00", SHANGHAI) == _utc("1988-09-10T16:30")


@pytest.mark.parametrize(
    "wrong",
    ["", "yesterday", "2026-03-01", "20260301", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z",
     "1772323200000", "2026-03-01T08:00:00+99:00", 10**18, True, 1.5, None, "0001-01-01T00:00:00+08:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused_in_a_sentence(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"not a time|outside the years"):
        parse_instant(wrong)  # type: ignore[arg-type]


def test_a_naive_instant_has_no_day() -> None:
    with pytest.raises(ValueError, match="no offset"):
        local_day(dt.datetime(2026, 3, 1), SHANGHAI)
