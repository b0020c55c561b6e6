# SPDX-License-Identifier: Apache-2.0
"""Typhoons: where they went, how strong they were, and how near they came."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.typhoon import feeds, pages, streams

PACK = Pack(
    key="typhoon",
    name="台风",
    owner="气象局",
    answers="台风离本市多近，有多强",
    standards=["GB/T 19201"],
    entities=[Entity("storm", "热带气旋", model="Storm", one_row_is="一个热带气旋", open=True)],
    streams=[streams.BEST_TRACK, streams.LIVE_TRACK],
    feeds=feeds.FEEDS,
    scales=pages.SCALES,
    limits="limits.toml",
    indicators=["indicators/storm_closest_year.sql", "indicators/live_closest_year.sql"],
    pages=pages.PAGES,
    boards=["boards/typhoon.toml"],
)
