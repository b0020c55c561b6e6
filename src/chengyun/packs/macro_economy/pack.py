# SPDX-License-Identifier: Apache-2.0
"""Macro-economy: what official statistics say of the city, edition by edition."""

from __future__ import annotations

from chengyun.city import Authority, Entity, Pack
from chengyun.packs.macro_economy import feeds, pages, quality, simulate

STATISTICS = Authority("statistics", "统计局")
DEPARTMENT = Authority("department", "主管部门")

PACK = Pack(
    key="macro_economy",
    name="宏观经济基础库",
    owner="统计局",
    answers="经济总量和结构如何变化，哪一版数据说的",
    standards=["GB/T 2260"],
    entities=[
        Entity(
            "series", "统计序列", model="Series", one_row_is="一个指标、一个地区、一种口径", sharing="unconditional", open=True,
            authorities=[STATISTICS, DEPARTMENT],
        ),
        Entity(
            "figure", "统计数值", model="Figure", one_row_is="一个时期、一个版本的数值", sharing="unconditional", open=True,
            authorities=[STATISTICS, DEPARTMENT], refers={"series": "series"},
        ),
    ],
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=simulate.SYNTHETIC,
)  # fmt: skip
