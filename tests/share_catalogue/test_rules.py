# SPDX-License-Identifier: Apache-2.0
"""The guide's rules, each broken alone: the refusal says which field, what was expected and what to do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils.translation import override

from chengyun.share.catalogue.rules import faults, uscc_fault
from chengyun.share.catalogue.vocabulary import CODE

TODAY = dt.date(2026, 11, 22)
GOOD: dict[str, Any] = {
    "class_code": "307012005", "name": "养老机构名录", "name_en": "", "code": "307012005/000012", "provider": 1, 
    "summary": "全市",
    "keywords": [],
    "formats": ["xlsx"], "secret": False, "sharing": "conditional", "condition": "因履职需要", "ways": ["interface"],
    "basis": "", "open": False, "open_condition": "", "cycle": "month", "published_on": "2026-01-31", "related": [],
    "personal": False, "contact": "", "owner": None, "url": "", "state": "published",
}  # fmt: skip
ITEM: dict[str, Any] = {
    "key": "name", "name": "机构名称", "type": "C", "length": 100, "definition": "", "personal": False, "element": None,
    "source_of_record": False,
}  # fmt: skip


def test_a_sound_resource_has_no_faults() -> None:
    assert faults(GOOD, [ITEM], TODAY) == []


@pytest.mark.parametrize(
    ("given", "field", "expects"),
    [
        ({"sharing": "unconditional"}, "condition", "空（无条件共享）"),
        ({"condition": ""}, "condition", "非空的条件"),
        ({"ways": []}, "ways", "至少一种共享方式"),
        ({"sharing": "none", "condition": ""}, "basis", "法律、行政法规"),
        ({"sharing": "none", "condition": "", "basis": "《统计法》第九条"}, "ways", "空（不予共享）"),
        ({"sharing": "none", "ways": [], "condition": "", "basis": "《统计法》第九条", "open": True}, "open", "否（不予共享"),
        ({"basis": "某条"}, "basis", "只有不予共享"),
        ({"open": True, "secret": True}, "open", "否（涉密）"),
        ({"open": True, "personal": True}, "open", "否（含个人信息）"),
        ({"open_condition": "登记后"}, "open_condition", "不开放"),
        ({"sharing": "some"}, "sharing", "无条件共享、有条件共享"),
        ({"ways": ["interfaces"]}, "ways", "共享平台"),
        ({"cycle": "hourly"}, "cycle", "实时"),
        ({"published_on": None}, "published_on", "YYYY-MM-DD"),
        ({"published_on": "2026-11-23"}, "published_on", "不晚于今天"),
        ({"class_code": "407012", "code": None}, "class_code", "类 1 位"),
        ({"class_code": "199001", "code": None}, "class_code", "指南中的项"),
        ({"code": "307012006/000012"}, "code", "分类码、斜杠和顺序码"),
        ({"class_code": "101001", "code": None}, "sharing", "基础信息资源"),
        ({"related": ["307-1"]}, "related", "信息资源代码"),
        ({"related": ["307012005/000012"]}, "related", "另一项资源"),
        ({"formats": ["xlsq"]}, "formats", "指南中的格式"),
        ({"name": " "}, "name", "非空"),
        ({"summary": ""}, "summary", "说明"),
        ({"provider": None}, "provider", "部门"),
    ],
)
def test_one_rule_broken_is_one_fault_that_says_what_to_do(given: dict[str, Any], field: str, expects: str) -> None:
    found = [it for it in faults({**GOOD, **given}, [ITEM], TODAY) if it.field == field and expects in it.expected]
    assert len(found) == 1
    assert found[0].do
    assert found[0].expected in found[0].sentence


@pytest.mark.parametrize(
    ("items", "expects"),
    [
        ([], "每个字段一行"),
        ([ITEM, ITEM], "唯一的字段名"),
        ([{**ITEM, "type": "Z"}], "数据类型的字母"),
        ([{**ITEM, "length": 0}], "正整数"),
        ([{**ITEM, "element": "name"}], "数据元标识"),
        ([{**ITEM, "source_of_record": True}], "绑定了数据元"),
        ([{**ITEM, "name": ""}], "非空的信息项名称"),
    ],
)
def test_items_are_checked_one_by_one(items: list[dict[str, Any]], expects: str) -> None:
    assert [expects in it.expected for it in faults(GOOD, items, TODAY)] == [True]


def test_a_typo_is_answered_with_the_nearest_word() -> None:
    assert "您是否想写“postgresql”？" in faults({**GOOD, "formats": ["postgres"]}, [ITEM], TODAY)[0].do


def test_the_code_is_the_guides() -> None:
    assert CODE.fullmatch("307012005/000012")
    for wrong in ("407012005/1", "30701/1", "307012005-1", "307012005/", "３07012005/1"):
        assert not CODE.fullmatch(wrong)


def test_a_providers_code_is_checked_to_its_last_character() -> None:
    assert uscc_fault("91110000600037341L") is None
    wrong = uscc_fault("91110000600037341M")
    assert wrong is not None
    with override("zh-hans"):
        assert "GB 32100-2015" in wrong.sentence
    assert uscc_fault("") is not None
