# SPDX-License-Identifier: Apache-2.0
"""Public transport: what is planned, where the vehicles are, and how late they run."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.transit import alerts, feeds, pages, streams

PACK = Pack(
    key="transit",
    name="公共交通",
    owner="交通运输局",
    answers="公交开了多少、开到哪里、晚了多久",
    standards=["GTFS", "GTFS-Realtime"],
    entities=[
        Entity("stop", "站点", model="Stop", one_row_is="一处上下车的地方", open=True),
        Entity("route", "线路", model="Route", one_row_is="一条对乘客发布的线路", open=True),
        Entity("vehicle", "车辆", model="Vehicle", one_row_is="一辆会报告位置的车", open=True),
        Entity("trip", "班次", model="Trip", one_row_is="时刻表中的一个班次", open=True),
    ],
    streams=[streams.ROUTE_DAY, streams.VEHICLE_POSITION, streams.TRIP_DELAY],
    feeds=feeds.FEEDS,
    scales=pages.SCALES,
    indicators=[
        "indicators/route_service_day.sql",
        "indicators/vehicle_distance_day.sql",
        "indicators/trip_delay_day.sql",
    ],
    alerts=alerts.ALERTS,
    pages=pages.PAGES,
    boards=["boards/transit.toml"],
)
