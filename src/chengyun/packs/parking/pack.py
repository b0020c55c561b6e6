# SPDX-License-Identifier: Apache-2.0
"""Parking: how many spaces are free, where it is full, and when."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.parking import alerts, feeds, forecasts, pages, quality, streams, world

PACK = Pack(
    key="parking",
    name="停车",
    owner="城市管理局",
    answers="哪里还有车位，哪里总是停满",
    standards=["GB/T 29745"],
    entities=[Entity("lot", "停车场", model="Lot", one_row_is="一处有诱导屏的公共停车场", open=True)],
    streams=[streams.LOT_FREE],
    feeds=feeds.FEEDS,
    scales=pages.SCALES,
    limits="limits.toml",
    indicators=[
        "indicators/lot_peak_day.sql",
        "indicators/lot_full_day.sql",
        "indicators/area_peak_day.sql",
        "indicators/lot_still_hours.sql",
    ],
    alerts=alerts.ALERTS,
    forecasts=forecasts.FORECASTS,
    pages=pages.PAGES,
    boards=["boards/parking.toml"],
    quality=quality.QUALITY,
    instruments=world.INSTRUMENTS,
)
