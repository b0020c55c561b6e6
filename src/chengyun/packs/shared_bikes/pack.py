# SPDX-License-Identifier: Apache-2.0
"""Shared bikes: where one can be taken, where one can be put back, and where neither."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.shared_bikes import alerts, feeds, pages, streams, world

PACK = Pack(
    key="shared_bikes",
    name="共享单车",
    owner="交通运输局",
    answers="哪里借不到车，哪里还不了车",
    standards=["GBFS"],
    entities=[Entity("station", "租还站点", model="Station", one_row_is="一处有锁桩的租还站点", open=True)],
    streams=[streams.STATION_STATUS],
    feeds=feeds.FEEDS,
    scales=pages.SCALES,
    indicators=[
        "indicators/station_service_day.sql",
        "indicators/persistence_error_day.sql",
        "indicators/station_moves_day.sql",
        "indicators/station_still.sql",
        "indicators/area_service_day.sql",
    ],
    alerts=alerts.ALERTS,
    pages=pages.PAGES,
    boards=["boards/bikes.toml"],
    instruments=world.INSTRUMENTS,
)
