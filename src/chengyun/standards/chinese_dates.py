# SPDX-License-Identifier: Apache-2.0
"""Days and times as people here write them, and as spreadsheets count them.

    2016年7月4日   二〇一六年七月四日   2016-7-4  2016/07/04  2016.7.4   20160704   2016-07-04T15:00:00+08:00
    2016年7月4日15时   2016年7月4日下午3时30分   2016/7/4 15:30:00   下午三点半   24时 (the next day's midnight)
    42555   a spreadsheet's serial number: days since 1899-12-30, or since 1904-01-01 in some

A two-digit year and a day without its order (04/07/16) can be read more ways than one: both are refused.
"""

from __future__ import annotations

import datetime as dt
import re

from chengyun.standards.chinese_numbers import half_width, read_numeral

__all__ = ["from_serial", "read_clock", "read_day", "read_moment", "read_month"]

_NUMERALS = "〇○零一二两三四五六七八九十廿卅"
_N = rf"(?:\d{{1,2}}|[{_NUMERALS}]{{1,3}})"
_YEAR = rf"(?P<year>\d{{4}}|[{_NUMERALS}]{{4}})"
_DAY = re.compile(
    rf"{_YEAR}\s*(?:年\s*(?P<month>{_N})\s*月\s*(?P<day>{_N})\s*[日号]"
    r"|(?P<mark>[-/.])(?P<month2>\d{1,2})(?P=mark)(?P<day2>\d{1,2})(?!\d)"
    r"|(?P<month3>\d{2})(?P<day3>\d{2})(?!\d))"
)
_MONTH = re.compile(rf"{_YEAR}\s*(?:年\s*(?P<month>{_N})\s*月份?|[-/.](?P<month2>\d{{1,2}})|(?P<month3>\d{{2}}))")
_CLOCK = re.compile(
    rf"(?P<part>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚|夜间|[AaPp]\.?[Mm]\.?)?\s*(?P<hour>{_N})\s*"
    rf"(?:(?::|时|点)\s*(?:(?P<half>半|整|一刻|三刻)|(?P<minute>{_N})\s*(?:分|:(?=\d)|(?![\d分]))"
    rf"\s*(?:(?P<second>\d{{1,2}}(?:\.\d{{1,6}})?)\s*秒?)?)?)\s*(?P<part2>[AaPp]\.?[Mm]\.?)?"
)
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
_MINUTES = {"半": 30, "整": 0, "一刻": 15, "三刻": 45}
_EPOCHS = {1900: dt.datetime.combine(dt.date(1899, 12, 30), dt.time()), 1904: dt.datetime.combine(dt.date(1904, 1, 1), dt.time())}
_AFTERNOON = ("下午", "傍晚", "晚上", "晚", "夜间", "pm")
_WEEKDAY = re.compile(r"\s*[(]?(?:星期|周)[一二三四五六日天][)]?\s*")
_FIRST, _LAST = 1.0, 2958466.0


def from_serial(serial: float, epoch: int = 1900) -> dt.datetime:
    """Return the local time a spreadsheet's serial number stands for, to the nearest millisecond.

    epoch: 1900 or 1904, as the workbook says. Serials 1 to 60 of 1900 are refused: there the programs differ by a day.
    Raises ValueError with a sentence.
    """
    if not _FIRST <= serial < _LAST:
        raise ValueError(f"{serial:g} is not a spreadsheet's date, which is 61 to {_LAST - 1:.0f}")
    if epoch == 1900 and serial < 61:
        raise ValueError(f"{serial:g} is a day of January or February 1900, which spreadsheets count differently")
    return _EPOCHS[epoch] + dt.timedelta(milliseconds=round(serial * 86_400_000))


def read_day(text: str) -> dt.date:
    """Return the day written. A midnight behind it is let pass. Raises ValueError with a sentence."""
    bare = half_width(text)
    found = _DAY.match(bare)
    if found is None:
        raise ValueError(_not_a(text, "day", "2016-07-04 or 2016年7月4日"))
    day = _day_of(found, text)
    rest = _WEEKDAY.sub(" ", bare[found.end() :]).strip(" T")
    if rest and rest not in ("0:00", "00:00", "0:00:00", "00:00:00", "00:00:00.000", "0时"):
        raise ValueError(f"{text[:40]!r} says more than a day; expected e.g. {day:%Y-%m-%d}")
    return day


def read_month(text: str) -> dt.date:
    """Return the first day of the month written: 2016年7月, 二〇一六年七月, 2016-07, 201607. Raises ValueError."""
    bare = half_width(text)
    found = _MONTH.fullmatch(bare)
    if found is None:
        raise ValueError(_not_a(text, "month", "2016-07 or 2016年7月"))
    return _date(found["year"], found["month"] or found["month2"] or found["month3"], "1", text)


def read_clock(text: str) -> dt.time:
    """Return the time of day written: 15:30, 下午3时30分, 三点半. Raises ValueError with a sentence."""
    bare = half_width(text)
    clock, days = _clock(bare, text)
    if days:
        raise ValueError(f"{text[:40]!r} is the next day's midnight, not a time of a day")
    return clock


def read_moment(text: str) -> dt.datetime:
    """Return the day and time written, naive unless an offset is written. Raises ValueError with a sentence.

    A day alone is its midnight. 24:00 is the midnight that ends the day.
    """
    bare = half_width(text)
    found = _DAY.match(bare)
    if found is None:
        raise ValueError(_not_a(text, "time", "2016-07-04 15:00 or 2016年7月4日15时"))
    day = _day_of(found, text)
    rest = _WEEKDAY.sub(" ", bare[found.end() :]).strip()
    rest = rest[1:] if rest.startswith("T") else rest
    zone: dt.tzinfo | None = None
    if rest and (offset := _OFFSET.search(rest)) and ":" in rest:
        zone = dt.UTC if offset[0] == "Z" else dt.datetime.strptime(offset[0], "%z").tzinfo
        rest = rest[: offset.start()].strip()
    clock, days = _clock(rest, text) if rest else (dt.time(), 0)
    return dt.datetime.combine(day + dt.timedelta(days=days), clock, tzinfo=zone)


def _day_of(found: re.Match[str], text: str) -> dt.date:
    month = found["month"] or found["month2"] or found["month3"]
    return _date(found["year"], month, found["day"] or found["day2"] or found["day3"], text)


def _date(year: str, month: str, day: str, text: str) -> dt.date:
    try:
        return dt.date(_whole(year), _whole(month), _whole(day))
    except ValueError as wrong:
        raise ValueError(f"{text[:40]!r} is not a day of the calendar: {wrong}") from None


def _clock(bare: str, text: str) -> tuple[dt.time, int]:
    """Return the time of day and 1 when it is the midnight that ends it."""
    found = _CLOCK.fullmatch(bare)
    if found is None or (":" not in bare and not re.search("[时点]", bare)):
        raise ValueError(_not_a(text, "time of day", "15:30 or 下午3时30分"))
    hour = _whole(found["hour"])
    minute = _MINUTES[found["half"]] if found["half"] else _whole(found["minute"] or "0")
    second, _, fraction = (found["second"] or "0").partition(".")
    part = (found["part"] or found["part2"] or "").lower().replace(".", "")
    if (
        (part in _AFTERNOON and 1 <= hour < 12)
        or (part == "中午" and hour in (1, 2))
        or (part in ("晚上", "晚", "夜间") and hour == 12)
    ):
        hour += 12
    elif part in ("凌晨", "am") and hour == 12:
        hour = 0
    days = 0
    if hour == 24 and minute == 0 and int(second) == 0:
        hour, days = 0, 1
    try:
        return dt.time(hour, minute, int(second), int(f"{fraction:0<6}") if fraction else 0), days
    except ValueError as wrong:
        raise ValueError(f"{text[:40]!r} is not a time of day: {wrong}") from None


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else int(read_numeral(text))


def _not_a(text: str, kind: str, example: str) -> str:
    return f"{text[:40]!r} is not a {kind}; expected e.g. {example}"
