# SPDX-License-Identifier: Apache-2.0
"""A field that says which kind of identifier it holds refuses what is none."""

from __future__ import annotations

import msgspec
import pytest

from chengyun.city import Quantity, Ref, Stream, Text
from chengyun.collect.decode import read_body
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
