# SPDX-License-Identifier: Apache-2.0
"""Questions and data elements: what is the same in other words, and what only sounds alike."""

from __future__ import annotations

import inspect

import pytest

from chengyun.share.askonce import benches, generated, matching
from chengyun.share.askonce.generated import ELEMENTS
from chengyun.share.askonce.matching import FEATURES, SURE, Asked, Known, Matcher, surely

MATCHER = Matcher(ELEMENTS)


@pytest.mark.parametrize(
    ("label", "kind", "element"),
    [
        ("您的手机号", "string", "person.phone"),
        ("1. 请填写身份证号码（以证件为准）", "string", "person.id_number"),
        ("现住址", "string", "person.residence"),
        ("公司全称", "string", "enterprise.name"),
        ("Date of birth", "date", "person.birth_date"),
        ("Number of employees", "int", "enterprise.employees"),
        ("房屋面积（㎡）", "decimal", "building.area"),
        ("法人姓名", "string", "enterprise.legal_representative"),
    ],
)
def test_the_same_in_other_words_is_found(label: str, kind: str, element: str) -> None:
    assert surely(MATCHER, Asked("q1", (label,), kind)) == element


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("配偶姓名", "string"), ("紧急联系人电话", "string"), ("车牌颜色", "string"), ("出生地", "string"),
        ("绿化面积", "decimal"),
        ("电话是否接通", "string"), ("下次走访日期", "date"), ("照片", "binary"), ("情况说明", "string"), ("小区名称", "string"),
    ],
)  # fmt: skip
def test_what_only_sounds_alike_is_not(label: str, kind: str) -> None:
    assert surely(MATCHER, Asked("q1", (label,), kind)) == ""


def test_a_name_alone_is_read_when_there_is_no_label() -> None:
    assert surely(MATCHER, Asked("person/id_no", (), "string")) == "person.id_number"
    assert surely(MATCHER, Asked("q7", (), "string")) == ""


def test_a_score_says_why_and_choices_count() -> None:
    known = Known("road.surface", ("路面类型",), "C", ("沥青", "水泥", "砂石"))
    same, other = (
        Matcher([known]).best(Asked("s", ("路面类型",), "string", choices), 1)[0]
        for choices in (("沥青", "水泥", "砂石"), ("很好", "一般"))
    )
    assert set(same.because) == set(FEATURES)
    assert same.because["choices"] == 1
    assert other.because["choices"] == 0
    assert same.score > other.score >= 0
    assert same.score > SURE


def test_odd_labels_are_no_error() -> None:
    for label in ("", "？？？", "（）", "1.", "a" * 5000, "姓名" * 500, "\x00", "🏠"):
        MATCHER.best(Asked("", (label,), "string"))


def test_the_truth_is_apart_from_the_matcher_and_the_aim_is_reached() -> None:
    text = inspect.getsource(generated)
    assert "words.toml" not in text
    assert "weights" not in text
    assert "wording(" not in text
    assert "generated" not in inspect.getsource(matching).replace("generated forms", "")
    found = {one.name: one.value for one in benches.ask_once()}
    assert found["ask-once"] >= 95
    assert found["ask-once-right"] >= 98
