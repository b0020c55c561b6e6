# SPDX-License-Identifier: Apache-2.0
"""Warnings of others: what offices have warned of, how severe, for how long."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.warnings import feeds, pages, streams

PACK = Pack(
    key="warnings",
    name="预警信息",
    owner="应急管理局",
    answers="哪些部门发布了什么预警，还有没有效",
    standards=["CAP 1.2"],
    entities=[Entity("warning", "预警信息", model="Warning", one_row_is="一条预警，连同其更新与解除", open=True)],
    streams=[streams.MESSAGE],
    feeds=feeds.FEEDS,
    scales=pages.SCALES,
    indicators=["indicators/warning_severity_day.sql"],
    pages=pages.PAGES,
    boards=["boards/warnings.toml"],
)
