# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown."""

from __future__ import annotations

from chengyun.city import Chart, Page, Table, Tiles

WATER = Page(
    key="water",
    name="供水",
    panels=[
        Table("水箱", indicators=["tank_level_day"], columns=["most_m", "mean_m"]),
        Table("水泵", indicators=["pump_hours_day"], columns=["contradictions", "starts"]),
        Table("管网", indicators=["attack_hours_day"], columns=["labelled_h"]),
    ],
)

ASSET = Page(
    key="asset",
    name="供水设施",
    entity="asset",
    panels=[
        Tiles("本设施", indicators=["tank_level_day", "pump_hours_day"]),
        Chart("水位与压力", stream="asset_hour", fields=["level", "pressure"]),
        Chart("流量", stream="asset_hour", fields=["flow"]),
    ],
)

PAGES = (WATER, ASSET)
