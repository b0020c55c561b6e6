# SPDX-License-Identifier: Apache-2.0
"""Addresses taken apart, compared and found; a text that is none is set aside with what is left of it."""

from __future__ import annotations

import io

import pytest

from chengyun.city import Malformed, Stated
from chengyun.packs.buildings import feeds
from chengyun.standards.addresses import compare, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "浙江省宁波市海曙区南门街道共青路１１０弄20号阳光小区３幢二单元〇五01室",
            "浙江省 宁波市 海曙区 南门街道 共青路 110 20 阳光小区 3 2 0501",
        ),
        ("宁波市鄞州区中河街道四明中路666号", "宁波市 鄞州区 中河街道 四明中路 666"),
        ("海曙区解放南路1号2栋3单元402", "海曙区 解放南路 1 2 3 402"),
        ("共青路110号3号楼501室", "共青路 110 3 501"),
        ("慈溪市观海卫镇五里村十二号", "慈溪市 观海卫镇 五里村 12"),
        ("北仑区新碶街道里仁花园5座101室", "北仑区 新碶街道 里仁花园 5 101"),
        ("江北区 人民路 132号 B座 12-3室", "江北区 人民路 132 B 12-3"),
    ],
)
def test_an_address_in_its_parts(text: str, parts: str) -> None:
    found = parse(text)
    assert " ".join(found.named().values()) == parts
    assert found.rest == ""
    assert found.raw == text


def test_what_is_written_in_standard_form_is_read_the_same_again() -> None:
    for text in ("海曙区解放南路一号2栋3单元402", "浙江省宁波市余姚市阳明街道阳明西路718号"):
        found = parse(text)
        assert parse(str(found)).named() == found.named()


def test_two_addresses_are_alike_for_reasons() -> None:
    asked = parse("海曙区共青路110号3栋")
    same = compare(asked, parse("宁波市海曙区共青路110号3号楼501室"))
    other = compare(asked, parse("宁波市海曙区共青路112号3号楼"))
    assert same.score == 1
    assert same.sentence() == "区县、道路、门牌号、幢相同"
    assert other.score < same.score
    assert "门牌号不同（110、112）" in other.sentence()
    assert compare(asked, parse("模拟路")).score == 0


def test_a_text_that_is_no_address_is_set_aside() -> None:
    text = "地址编码,地址,建筑物编码,区域,经度,纬度,启用日期,停用日期\nA1,海曙区共青路1号,B1,,,,,\nA2,不知道在哪里,B1,,,,,\n"
    good, bad = feeds.read_addresses(io.BytesIO(text.encode()), "addresses.csv")
    assert isinstance(good, Stated)
    assert good.values["road"] == "共青路"
    assert isinstance(bad, Malformed)
    assert "is no standard address" in bad.sentence
