# SPDX-License-Identifier: Apache-2.0
"""Working days against the notices, and worked time against a count minute by minute."""

from __future__ import annotations

import csv
import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengyun.errors import Misdeclared
from chengyun.standards.calendar import (
    CalendarUnknown,
    OfficeHours,
    Season,
    WorkingDays,
    WorkTime,
    official_days,
    read_days,
    read_hours,
)  # fmt: skip

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = official_days()
WORK = WorkTime.of(DAYS, read_hours(), ZONE)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "days", "result"),
    [
        ("2015-09-30", 3, "2015-10-10"), ("2016-02-05", 5, "2016-02-17"), ("2024-04-03", 1, "2024-04-07"),
        ("2025-12-31", 7, "2026-01-12"), ("2026-02-13", 7, "2026-03-02"), ("2026-09-30", 7, "2026-10-15"),
    ],
)  # fmt: skip
def test_adding_working_days_over_holidays_and_worked_weekends(start, days, result):
    assert str(DAYS.add(dt.date.fromisoformat(start), days)) == result


@pytest.mark.parametrize(("year", "days"), [(2015, 249), (2016, 250), (2024, 251), (2025, 248), (2026, 248)])
def test_working_days_of_a_year(year, days):
    assert DAYS.between(dt.date(year, 1, 1), dt.date(year + 1, 1, 1)) == days


def test_the_seventieth_anniversary():
    assert [DAYS.is_working(dt.date(2015, 9, day)) for day in (2, 3, 4, 5, 6, 7)] == [True, False, False, False, True, True]


@pytest.mark.shared
def test_every_day_off_and_every_worked_weekend_of_the_reference(shared):
    with (shared / "reference/china_holidays_2015_2026.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wrong = [row for row in rows if DAYS.is_working(dt.date.fromisoformat(row["date"])) != (row["is"] == "work")]
    assert (len(rows), wrong) == (411, [])


def test_a_legal_period_that_ends_on_a_holiday_ends_on_the_next_working_day():
    assert DAYS.next_working(dt.date(2026, 2, 17)) == dt.date(2026, 2, 24)
    assert DAYS.next_working(dt.date(2026, 2, 14)) == dt.date(2026, 2, 14)


def test_a_year_without_a_notice_is_unknown_until_a_file_gives_its_days(tmp_path):
    new_year = dt.date(2027, 1, 1)
    with pytest.raises(CalendarUnknown, match="2027 are worked is not known"):
        DAYS.add(dt.date(2026, 12, 28), 5)
    file = tmp_path / "days.csv"
    file.write_text(
        "# 国办发明电〔2026〕未定\ndate,works,name\n2027-01-01,0,元旦\n2027-01-03,1,元旦调休\n2026-12-26,1,补班\n", "utf-8"
    )
    more = read_days(file)
    assert [more.is_working(new_year + dt.timedelta(days=n)) for n in range(3)] == [False, False, True]
    assert more.is_working(dt.date(2026, 12, 26))
    assert more.last == 2027
    with pytest.raises(CalendarUnknown):
        more.is_working(dt.date(2028, 1, 3))
    guessed = WorkingDays(DAYS.first, DAYS.last, DAYS.off, DAYS.worked, guess=True)
    assert [guessed.is_working(dt.date(2027, 1, day)) for day in (1, 2, 4)] == [True, False, True]


def test_a_year_is_not_known_by_one_that_comes_after_it(tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("date,works\n2028-01-03,0\n", "utf-8")
    assert read_days(file).last == DAYS.last


@pytest.mark.parametrize("text", ["date\n2027-01-01\n", "date,works\n2027-13-01,0\n", "date,works\n2027-01-01,yes\n"])
def test_a_file_of_days_that_cannot_be_read_is_named(tmp_path, text):
    file = tmp_path / "days.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(Misdeclared, match=r"days\.csv"):
        read_days(file)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-02-13T17:00", 4, "2026-02-14T11:30"),
        ("2026-02-14T17:30", 1, "2026-02-24T09:00"),
        ("2026-04-01T12:30", 1, "2026-04-01T14:30"),
        ("2026-04-01T11:00", 1, "2026-04-01T12:00"),
        ("2026-04-04T09:00", 8, "2026-04-07T18:00"),
        ("2026-04-01T08:30", 8, "2026-04-01T18:00"),
    ],
)
def test_deadlines_in_office_hours(start, hours, due):
    span = dt.timedelta(hours=hours)
    assert WORK.add(at(start), span) == at(due)
    assert WORK.worked(at(start), at(due)) == span


def test_a_deadline_beyond_the_years_known_is_refused():
    with pytest.raises(CalendarUnknown):
        WORK.add(at("2026-12-31T17:00"), dt.timedelta(hours=2))
    with pytest.raises(CalendarUnknown):
        WORK.worked(at("2026-12-31T17:00"), at("2027-01-04T17:00"))
    with pytest.raises(CalendarUnknown):
        WORK.add_many(np.array([micros(at("2026-12-31T17:00"))]), np.array([2 * 3_600_000_000]))


SUMMER = OfficeHours(
    (
        (dt.date(2020, 1, 1), (Season(((dt.time(9), dt.time(17)),)),)),
        (
            dt.date(2025, 1, 1),
            (
                Season(((dt.time(8, 30), dt.time(11, 30)), (dt.time(14, 30), dt.time(18))), (6, 1), (9, 30)),
                Season(((dt.time(8, 30), dt.time(12)), (dt.time(13, 30), dt.time(17, 30))), (10, 1), (5, 31)),
            ),
        ),
    )
)
SEASONAL = WorkTime.of(DAYS, SUMMER, ZONE)


def test_office_hours_change_with_the_season_and_the_edition():
    assert [SUMMER.day_seconds(dt.date(*day)) / 3600 for day in ((2019, 5, 5), (2024, 7, 1), (2025, 7, 1), (2026, 1, 5))] == [
        0,
        8,
        6.5,
        7.5,
    ]
    assert SEASONAL.add(at("2025-05-30T17:00"), dt.timedelta(hours=3)) == at("2025-06-03T11:00")


def test_hours_are_read_from_a_file_and_wrong_ones_named(tmp_path):
    file = tmp_path / "hours.toml"
    file.write_text(
        '[[hours]]\nin_force = 2025-01-01\nsource = "x"\nfrom = "06-01"\nto = "09-30"\nwindows = [["08:30", "11:30"]]\n'
    )
    assert read_hours(file).day_seconds(dt.date(2025, 7, 1)) == 3 * 3600
    assert read_hours(file).day_seconds(dt.date(2025, 12, 1)) == 0
    file.write_text('[[hours]]\nin_force = 2025-01-01\nsource = "x"\nwindows = [["12:00", "08:30"]]\n')
    with pytest.raises(Misdeclared, match=r"hours\.toml"):
        read_hours(file)


def micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def minutes_worked(hours: OfficeHours, since: dt.datetime, until: dt.datetime) -> int:
    """Count minute by minute, knowing nothing of sums."""
    count, moment = 0, since
    while moment < until:
        local = moment.astimezone(ZONE)
        if DAYS.is_working(local.date()) and any(a <= local.time() < b for a, b in hours.windows(local.date())):
            count += 1
        moment += dt.timedelta(minutes=1)
    return count


MINUTE = st.integers(0, 60 * 24 * 365 * 2).map(lambda n: dt.datetime(2024, 12, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=n))


@settings(max_examples=60, deadline=None)
@given(MINUTE, st.integers(0, 60 * 24 * 14))
def test_worked_time_is_what_a_count_minute_by_minute_finds(since, length):
    until = min(since + dt.timedelta(minutes=length), dt.datetime(2026, 12, 30, tzinfo=dt.UTC))
    counted = minutes_worked(SUMMER, since, until)
    assert SEASONAL.worked(since, max(since, until)) == dt.timedelta(minutes=counted)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(MINUTE, st.integers(1, 60 * 40)), min_size=1, max_size=20))
def test_deadlines_are_exact_earliest_and_alike_one_by_one_and_in_arrays(pairs):
    pairs = [(min(start, dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), minutes) for start, minutes in pairs]
    dues = [SEASONAL.add(start, dt.timedelta(minutes=minutes)) for start, minutes in pairs]
    for (start, minutes), due in zip(pairs, dues, strict=True):
        assert SEASONAL.worked(start, due) == dt.timedelta(minutes=minutes)
        assert SEASONAL.worked(start, due - dt.timedelta(seconds=1)) < dt.timedelta(minutes=minutes)
    starts = np.array([micros(start) for start, _ in pairs])
    spans = np.array([minutes * 60_000_000 for _, minutes in pairs])
    many = SEASONAL.add_many(starts, spans)
    assert many.tolist() == [micros(due) for due in dues]
    assert SEASONAL.worked_many(starts, many).tolist() == spans.tolist()


@settings(max_examples=100, deadline=None)
@given(MINUTE, st.lists(st.integers(1, 3000), min_size=1, max_size=6))
def test_pauses_leave_the_sum_of_what_ran(start, lengths):
    """Time worked adds up over a clock that runs and stands in turn."""
    marks = [min(start, dt.datetime(2026, 10, 1, tzinfo=dt.UTC))]
    for length in lengths:
        marks.append(marks[-1] + dt.timedelta(minutes=length))
    pieces = [SEASONAL.worked(one, other) for one, other in pairwise(marks)]
    assert sum(pieces, dt.timedelta(0)) == SEASONAL.worked(marks[0], marks[-1])
