# SPDX-License-Identifier: Apache-2.0
"""Numbers, units and times as people here write them, each to one value or to a sentence."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest

from chengyun.standards.chinese_dates import from_serial, read_clock, read_day, read_moment, read_month
from chengyun.standards.chinese_numbers import Amount, read_amount, read_numeral
from chengyun.standards.conversion import conversion, find_unit

D = Decimal


@pytest.mark.parametrize(
    ("written", "value", "unit", "mark"),
    [
        ("１２３４", 1234, "", ""),
        ("1,234,567.5", "1234567.5", "", ""),
        ("3.2万", 32000, "", ""),
        ("1亿2000万", 120_000_000, "", ""),
        ("一百二十三", 123, "", ""),
        ("壹佰贰拾叁", 123, "", ""),
        ("一万二", 12000, "", ""),
        ("一万零二", 10002, "", ""),
        ("１２．５％", "12.5", "%", ""),
        ("35 mg/m³", 35, "mg/m³", ""),
        ("＜０．０５", "0.05", "", "<"),
        ("未检出", None, "", "ND"),
        ("−3", -3, "", ""),
        ("1.2万元", 12000, "元", ""),
        ("5千克", 5, "千克", ""),
        ("三点五", "3.5", "", ""),
        (".5", "0.5", "", ""),
    ],
)
def test_an_amount_is_read_as_its_writer_meant(written: str, value: object, unit: str, mark: str) -> None:
    assert read_amount(written) == Amount(None if value is None else D(str(value)), unit, mark)


@pytest.mark.parametrize("written", ["1.2.3", "12,34", "12.5.1", "1-2", "2016-07-04", "", "abc", "一二百", "9" * 31, "3万2亿"])
def test_what_is_not_one_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"not|digits"):
        read_amount(written)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("二〇一六", 2016),
        ("二○一六", 2016),
        ("十", 10),
        ("廿三", 23),
        ("二百零五", 205),
        ("三百五", 350),
        ("一亿三千万", 130_000_000),
        ("负二", -2),
        ("两千零一十", 2010),
        ("一千零一万", 10_010_000),
    ],
)
def test_numerals(written: str, value: int) -> None:
    assert read_numeral(written) == value


@pytest.mark.parametrize(
    "written",
    [
        "2016年7月4日",
        "二〇一六年七月四日",
        "2016-7-4",
        "2016/07/04",
        "2016.7.4",
        "20160704",
        "２０１６年７月４日",
        "2016年7月4日 星期一",
    ],
)
def test_a_day_in_eight_spellings(written: str) -> None:
    assert read_day(written) == dt.date(2016, 7, 4)


@pytest.mark.parametrize(
    "written", ["2016年2月30日", "16年7月4日", "04/07/16", "2016-07-04 15:00", "2016年7月", "20161301", "7月4日"]
)
def test_a_day_that_is_none_or_two_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"not a|more than"):
        read_day(written)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2016年7月4日15时", "2016-07-04T15:00"),
        ("2016年7月4日下午3时30分", "2016-07-04T15:30"),
        ("2016/7/4 15:30:20", "2016-07-04T15:30:20"),
        ("2016-07-04T15:00:00+08:00", "2016-07-04T15:00+08:00"),
        ("2016-07-04 24:00", "2016-07-05T00:00"),
        ("二〇一六年七月四日晚上八点", "2016-07-04T20:00"),
        ("2016年7月4日 上午10点半", "2016-07-04T10:30"),
    ],
)
def test_a_moment(written: str, moment: str) -> None:
    assert read_moment(written) == dt.datetime.fromisoformat(moment)


def test_clocks_months_and_serials() -> None:
    assert [read_clock(it) for it in ("下午3时", "三点半", "15时30分", "中午12时", "12:00 am")] == [
        dt.time(15),
        dt.time(3, 30),
        dt.time(15, 30),
        dt.time(12),
        dt.time(0),
    ]
    assert {read_month(it) for it in ("二〇一六年七月", "2016-07", "201607", "2016年7月份")} == {dt.date(2016, 7, 1)}
    assert from_serial(42555.625) == from_serial(41093.625, epoch=1904) == dt.datetime(2016, 7, 4, 15)
    with pytest.raises(ValueError, match="1900"):
        from_serial(59)


@pytest.mark.parametrize(
    ("source", "target", "value", "becomes"),
    [
        ("ug/m3", "mg/m³", 1500, "1.5"),
        ("微克/立方米", "µg/m³", 3, "3"),
        ("万元", "元", D("1.5"), "15000"),
        ("℉", "℃", 212, "100"),
        ("K", "℃", 300, "26.85"),
        ("公里", "m", 2, "2000"),
        ("亩", "m²", 15, "10000"),
        ("km/h", "m/s", 36, "10"),
        ("度", "kWh", 3, "3"),
        ("度", "℃", 3, "3"),
        ("%", "1", 50, "0.5"),
    ],
)
def test_units_convert_exactly(source: str, target: str, value: int | Decimal, becomes: str) -> None:
    assert conversion(source, target)(D(value)) == Fraction(becomes)


@pytest.mark.parametrize(("source", "target"), [("ppm", "mg/m³"), ("米", "元"), ("O5", "m")])
def test_units_of_two_kinds_do_not(source: str, target: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        conversion(source, target)


def test_a_thousandth_is_not_a_million() -> None:
    assert find_unit("MW") == "MW"
    assert find_unit("mW") is None
