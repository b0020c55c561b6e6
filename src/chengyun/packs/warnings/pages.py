# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, MapLayer, Page, Scale, Table, Tiles

SEVERITY = Scale(
    key="severity",
    name="严重程度",
    source="CAP 1.2，3.2.2；颜色按国家突发公共事件总体应急预案的四级",
    bands=[
        Band(1, "轻微", "#2f6fdb"),
        Band(2, "中等", "#f2c500"),
        Band(3, "严重", "#f57c00"),
        Band(None, "特别严重", "#d32f2f"),
    ],
)

WARNINGS = Page(
    key="warnings",
    name="预警信息",
    panels=[
        MapLayer("预警位置", entity="warning", indicator="warning_severity_day", scale="severity"),
        Table("预警", indicators=["warning_severity_day"], columns=["messages", "updates", "cancelled", "duration"]),
    ],
)

WARNING = Page(
    key="warning",
    name="预警",
    entity="warning",
    panels=[Tiles("本条", indicators=["warning_severity_day"])],
)

PAGES = (WARNINGS, WARNING)
SCALES = (SEVERITY,)
