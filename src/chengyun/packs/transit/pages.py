# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, Chart, Page, Scale, Table, Tiles

DELAY = Scale(
    key="delay",
    name="晚点",
    source="本系统默认",
    bands=[
        Band(-1, "早到", "#3b7dd8"),
        Band(5, "准点", "#2e9e5b"),
        Band(15, "晚点", "#e0b400"),
        Band(None, "严重晚点", "#c62828"),
    ],
)

TRANSIT = Page(
    key="transit",
    name="公交",
    panels=[
        Table("线路计划", indicators=["route_service_day"], columns=["km", "hours", "mean_speed", "span_h"]),
        Table("班次晚点", indicators=["trip_delay_day"], columns=["most_min", "predictions"]),
        Table("车辆", indicators=["vehicle_distance_day"], columns=["reports", "span_min"]),
    ],
)

ROUTE = Page(
    key="route",
    name="线路",
    entity="route",
    panels=[
        Tiles("本线", indicators=["route_service_day"]),
        Chart("计划", stream="route_day", fields=["trips", "km"]),
    ],
)

PAGES = (TRANSIT, ROUTE)
SCALES = (DELAY,)
