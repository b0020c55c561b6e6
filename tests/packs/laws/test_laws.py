# SPDX-License-Identifier: Apache-2.0
"""Laws: what the pack ships can be read, hangs together, and is what citations lead to."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from chengyun.city import Stated
from chengyun.packs.laws.feeds import key_of, shipped
from chengyun.share.registers.citations import Cited, read_citations


def told() -> list[Stated]:
    return list(shipped([], random.Random(0), dt.date(2026, 1, 1)))


def test_every_article_is_of_a_law_that_is_there() -> None:
    laws = {one.key for one in told() if one.entity == "law"}
    articles = [one for one in told() if one.entity == "article"]
    assert articles
    assert {one.values["law"] for one in articles} <= laws


def test_what_replaces_comes_into_force_when_the_other_ends() -> None:
    laws = {str(one.values["number"]): one for one in told() if one.entity == "law"}
    for one in laws.values():
        following = laws.get(str(one.values["replaced_by"]))
        if following is not None and one.until is not None:
            assert following.since == one.until, one.key


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("GB 3095-2012, table 1", [Cited("GB 3095-2012", "table 1")]),
        ("HJ 633-2012, table 2; unchanged in HJ 633-2026", [Cited("HJ 633-2012", "table 2"), Cited("HJ 633-2026", "")]),
        ("国发〔2016〕51号，第九条", [Cited("国发〔2016〕51号", "第九条")]),
        ("依据《政务信息资源共享管理暂行办法》（国发〔2016〕51号）第九条。", [Cited("国发〔2016〕51号", "第九条")]),
        ("国发〔2016〕51号第十二条和HJ 633-2012", [Cited("国发〔2016〕51号", "第十二条"), Cited("HJ 633-2012", "")]),
        ("GB/T 30428.4（整理）：公开平台代码", [Cited("GB/T 30428.4", "")]),
        ("CJ/T 214-2007 的排列", [Cited("CJ/T 214-2007", "")]),
        ("GB 3095-2026, limits of the transition stage", [Cited("GB 3095-2026", "limits of the transition stage")]),
        ("本系统默认", []),
    ],
)
def test_a_citation_is_read_by_its_form(text: str, cited: list[Cited]) -> None:
    assert read_citations(text) == cited


def test_a_number_is_a_key_an_address_may_hold() -> None:
    assert key_of("GB/T 2260-2007") == "GB_T-2260-2007"
