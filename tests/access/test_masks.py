# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chengyun.access.masks import MASKS, mask

EXAMPLES = [
    ("name", "张三", "张*"), ("name", "欧阳娜娜", "欧阳**"), ("name", "王小明", "王**"), ("name", "王", "*"),
    ("id_number", "33020319900101001X", "3****************X"), ("id_number", "330203", "******"),
    ("phone", "13812345678", "138****5678"), ("phone", "0574-87181234", "0574-****1234"), ("phone", "110", "***"),
    ("address", "宁波市海曙区解放南路1号", "宁波市海曙区***"), ("address", "解放南路1号", "******"),
    ("address", "浙江省宁波市海曙区月湖街道偃月街1号", "浙江省宁波市海曙区月湖街道***"),
    ("bank_card", "6222021234560000", "**** **** **** 0000"), ("bank_card", "62", "**"),
    ("email", "abc@x.cn", "a**@x.cn"), ("email", "nonsense", "********"),
    ("plate", "浙B12345", "浙B***45"), ("plate", "浙BD12345", "浙B****45"), ("plate", "12345", "*****"),
    ("birth_date", "1990-01-01", "1990"), ("birth_date", dt.date(1990, 1, 1), "1990"), ("birth_date", "不详", "**"),
    ("name_last", "张三", "*三"), ("name_last", "王小明", "**明"), ("name_last", "王", "*"),
    ("id_number_statistical", "33020319900101001X", "3302**1990********"), ("id_number_statistical", "330203900101001", "*" * 15),
    ("bank_card_6_4", "6222 0212 3456 0000", "622202******0000"), ("bank_card_6_4", "62220", "*****"),
    ("birth_band", "1992-03-01", "1990–1994"), ("birth_band", dt.date(1995, 1, 1), "1995–1999"), ("birth_band", "不详", "**"),
    ("coordinate", 121.548123, 121.548), ("hidden", "anything", "***"), ("name", None, None), ("phone", 13812345678, "***"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "shown"), EXAMPLES)
def test_conventional_masks(kind: str, value: object, shown: object) -> None:
    assert mask(kind, value) == shown


values = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"(浙江省)?(宁波市)?(海曙|鄞州|江北)[区县](月湖街道|横街镇)?.{0,8}", fullmatch=True),
    st.from_regex(r"[\d*\-Xx @a-z.]{0,20}", fullmatch=True),
    st.sampled_from([str(value) for _, value, _ in EXAMPLES]),
)


@pytest.mark.parametrize("kind", sorted(set(MASKS) - {"coordinate"}))
@given(value=values)
def test_a_mask_of_a_mask_is_the_mask(kind: str, value: str) -> None:
    once = mask(kind, value)
    assert mask(kind, once) == once


@pytest.mark.parametrize("kind", sorted(set(MASKS) - {"coordinate", "birth_date"}))
@given(value=st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=30))
def test_nothing_comes_through_whole(kind: str, value: str) -> None:
    assert mask(kind, value) != value


@given(value=st.floats(-180, 180))
def test_a_coordinate_keeps_about_a_hundred_metres(value: float) -> None:
    shown = mask("coordinate", value)
    assert abs(shown - value) <= 0.000501
    assert mask("coordinate", shown) == shown
