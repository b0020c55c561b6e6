# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, Chart, Page, Scale, Table, Tiles

NEARNESS = Scale(
    key="nearness",
    name="离市区距离",
    source="本系统默认",
    bands=[
        Band(100, "正面影响", "#c62828"),
        Band(200, "严重影响", "#e07b00"),
        Band(500, "可能影响", "#e0b400"),
        Band(None, "远", "#2e9e5b"),
    ],
)

TYPHOON = Page(
    key="typhoon",
    name="台风",
    panels=[
        Table("最佳路径", indicators=["storm_closest_year"], columns=["at_utc", "pressure", "wind", "peak_wind"]),
        Table("实时路径", indicators=["live_closest_year"], columns=["at_utc", "pressure", "wind"]),
    ],
)

STORM = Page(
    key="storm",
    name="热带气旋",
    entity="storm",
    panels=[
        Tiles("离市区", indicators=["storm_closest_year", "live_closest_year"]),
        Chart("风速", stream="best_track", fields=["wind"]),
        Chart("中心气压", stream="best_track", fields=["pressure"]),
        Chart("风圈", stream="live_track", fields=["radius7", "radius10", "radius12"]),
    ],
)

PAGES = (TYPHOON, STORM)
SCALES = (NEARNESS,)
