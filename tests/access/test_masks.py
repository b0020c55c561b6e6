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


digits = st.text("0123456789", min_size=1, max_size=12)
letters = st.text("abcdefghijklmnopqrstuvwxyz0123456789.", min_size=1, max_size=20)
HIDDEN_PARTS = {
    "id_number": lambda hidden: f"3{hidden[0] * 16}X",
    "id_number_statistical": lambda hidden: f"3302{hidden[0] * 2}1990{hidden[-1] * 7}X",
    "phone": lambda hidden: f"138{hidden[0] * 4}5678",
    "bank_card": lambda hidden: f"{hidden:0>12}0000",
    "bank_card_6_4": lambda hidden: f"622202{hidden:0>9}"[:12] + "0000",
    "plate": lambda hidden: f"浙B{hidden[0] * 3}45",
    "birth_date": lambda hidden: f"1990-0{1 + int(hidden[0]) % 9}-01",
    "birth_band": lambda hidden: f"199{int(hidden[0]) % 5}-01-01",
    "address": lambda hidden: f"宁波市海曙区解放南路{hidden}号",
}


@pytest.mark.parametrize("kind", sorted(HIDDEN_PARTS))
@given(one=digits, other=digits)
def test_what_is_hidden_leaves_no_trace_not_even_its_length(kind: str, one: str, other: str) -> None:
    made = HIDDEN_PARTS[kind]
    assert mask(kind, made(one)) == mask(kind, made(other))


@given(one=letters, other=letters)
def test_an_address_of_mail_tells_its_first_letter_and_domain_alone(one: str, other: str) -> None:
    assert mask("email", f"a{one}@x.cn") == mask("email", f"a{other}@x.cn") == "a**@x.cn"
    assert mask("hidden", one) == mask("hidden", other)


def test_a_value_of_another_type_is_hidden_whole() -> None:
    for kind in set(MASKS) - {"hidden", "coordinate"}:
        assert mask(kind, 13812345678) == mask(kind, ["x"]) == "***"
