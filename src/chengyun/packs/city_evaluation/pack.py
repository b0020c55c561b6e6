# SPDX-License-Identifier: Apache-2.0
"""City evaluation: how the city stands as a whole, in which dimension, and what moved it."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.city_evaluation import feeds, indices, pages, streams

PACK = Pack(
    key="city_evaluation",
    name="城市评价",
    owner="大数据局",
    answers="城市整体水平如何，短板在哪一维，变化由什么引起",
    standards=["GB/T 33356"],  # editions and their dates stand in limits.toml
    entities=[Entity("unit", "评价单元", model="Unit", one_row_is="一个参加评价的城市或区县", open=True)],
    streams=[streams.REPORT_YEAR],
    feeds=feeds.FEEDS,
    limits="limits.toml",
    indicators=["indicators/reported_year.sql"],
    indices=indices.INDICES,
    pages=pages.PAGES,
    boards=["boards/indices.toml"],
)
