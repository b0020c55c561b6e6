# SPDX-License-Identifier: Apache-2.0
"""Laws and regulations: which are in force on a day, and which of the city's own rules rest on them."""

from __future__ import annotations

from chengyun.city import Authority, Entity, Pack
from chengyun.packs.laws import feeds, pages, quality

JUSTICE = Authority("justice", "司法局")
SHIPPED = Authority("shipped", "软件自带")

PACK = Pack(
    key="laws",
    name="法律法规库",
    owner="司法局",
    answers="哪些法律法规和标准有效，本市的规则依据哪一条",
    entities=[
        Entity(
            "law", "法律法规", model="Law", one_row_is="一部法律法规或标准的一个版本", sharing="unconditional", open=True,
            authorities=[JUSTICE, SHIPPED], cited_as="number",
        ),
        Entity(
            "article", "条款", model="Article", one_row_is="一个条款", sharing="unconditional", open=True,
            authorities=[JUSTICE, SHIPPED], refers={"law": "law"}, cited_as="citation",
        ),
    ],
    register_feeds=feeds.FEEDS,
    quality=quality.RULES,
    pages=pages.PAGES,
    synthetic=feeds.SYNTHETIC,
)  # fmt: skip
