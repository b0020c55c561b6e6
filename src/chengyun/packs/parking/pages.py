# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, Chart, MapLayer, Page, Scale, Table, Tiles

OCCUPANCY = Scale(
    key="occupancy",
    name="占用率",
    source="本系统默认",
    bands=[
        Band(70, "宽松", "#2e9e5b"),
        Band(90, "较满", "#e0b400"),
        Band(99, "将满", "#e07b00"),
        Band(None, "停满", "#c62828"),
    ],
)

PARKING = Page(
    key="parking",
    name="停车",
    panels=[
        Tiles("全市停车", indicators=["area_peak_day"]),
        MapLayer("日最高占用率", entity="lot", indicator="lot_peak_day", scale="occupancy", areas="area_peak_day"),
        Table("停车场", indicators=["lot_peak_day", "lot_full_day"], columns=["least_free", "changes"]),
    ],
)

LOT = Page(
    key="lot",
    name="停车场",
    entity="lot",
    panels=[
        Tiles("本场", indicators=["lot_peak_day", "lot_full_day"]),
        Chart("空余泊位", stream="lot_free", fields=["free"]),
    ],
)

PAGES = (PARKING, LOT)
SCALES = (OCCUPANCY,)
