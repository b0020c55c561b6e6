# SPDX-License-Identifier: Apache-2.0
"""A field that says which kind of identifier it holds refuses what is none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.apps import apps

from chengyun.city import QualityRule, Quantity, Ref, Stream, Text
from chengyun.collect.decode import read_body
from chengyun.collect.quality.registers import declared_outcomes
from chengyun.errors import Misdeclared

INSPECTIONS = Stream(
    key="inspection", name="检查", one_row_is="one inspection", time="at", sharing="conditional",
    fields=[Ref("shop", to="shop"), Quantity("score", "得分", unit="1", valid=(0, 100)), Text("uscc", "代码", check="uscc")],
)  # fmt: skip


def test_a_wrong_identifier_is_set_aside_with_its_sentence() -> None:
    codes = "91350100M000100Y43", "91350100M000100Y44", None, ""
    rows = [{"shop": "1", "at": "2026-11-22T08:00:00+08:00", "score": 1, "uscc": code} for code in codes]
    found = read_body(msgspec.json.encode(rows), INSPECTIONS)
    assert list(found.dead) == [1]
    assert "the unified social credit code (number 18) does not fit the others" in found.dead[1].reason
    assert found.words["uscc"][0] == "91350100M000100Y43"


def test_an_unknown_kind_is_misdeclared() -> None:
    with pytest.raises(Misdeclared, match=r"check 'usc' is no kind of identifier. Did you mean .uscc."):
        Text("code", "代码", check="usc")
    with pytest.raises(Misdeclared, match="is no kind of identifier"):
        QualityRule("code", "代码", on="person", dimension="accuracy", holds="code", meaning="不对。", check="usc")


def test_a_rule_names_the_kind_a_registers_field_holds(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = apps.get_model("population", "Person")
    for key, number in (("1", "11010519491231002X"), ("2", "110105194912310021"), ("3", ""), ("4", "110105491231002")):
        person.objects.create(key=key, name="某", id_number=number)
    rule = QualityRule(
        "real", "身份号码", on="person", dimension="accuracy", holds="id_number", meaning="不对。", check="identity_number"
    )
    monkeypatch.setattr(settings.CITY, "quality", {"population.real": rule})
    (found,) = declared_outcomes("population.person")
    assert (found.checked, found.failed, [one.subject for one in found.found], found.error) == (3, 1, ["2"], "")
