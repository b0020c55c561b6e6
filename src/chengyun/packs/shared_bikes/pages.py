# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, Chart, MapLayer, Page, Scale, Table, Tiles

SERVICE = Scale(
    key="service",
    name="可租可还率",
    source="本系统默认",
    bands=[
        Band(50, "差", "#c62828"),
        Band(80, "一般", "#e0b400"),
        Band(None, "好", "#2e9e5b"),
    ],
)
BIKES = Scale(
    key="bikes",
    name="可借车辆",
    source="本系统默认",
    bands=[
        Band(0, "无车", "#c62828"),
        Band(3, "少", "#e0b400"),
        Band(None, "有车", "#2e9e5b"),
    ],
)

SHARED_BIKES = Page(
    key="bikes",
    name="共享单车",
    panels=[
        Tiles("全市单车", indicators=["area_service_day"]),
        MapLayer("可借车辆", entity="station", stream="station_status", field="bikes", scale="bikes"),
        MapLayer("可租可还率", entity="station", indicator="station_service_day", scale="service", areas="area_service_day"),
        Table("站点", indicators=["station_service_day"], columns=["empty_percent", "full_percent", "stale_percent"]),
    ],
)

STATION = Page(
    key="station",
    name="租还站点",
    entity="station",
    panels=[
        Tiles("本站", indicators=["station_service_day", "persistence_error_day"]),
        Chart("车辆与锁桩", stream="station_status", fields=["bikes", "docks"]),
    ],
)

PAGES = (SHARED_BIKES, STATION)
SCALES = (SERVICE, BIKES)
