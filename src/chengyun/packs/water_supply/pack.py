# SPDX-License-Identifier: Apache-2.0
"""Water supply: tanks, pumps and pressures of a network, hour by hour."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.water_supply import alerts, feeds, pages, streams, world

PACK = Pack(
    key="water_supply",
    name="供水",
    owner="水利局",
    answers="水箱够不够、水泵开没开、压力稳不稳",
    entities=[
        Entity("asset", "供水设施", model="Asset", one_row_is="一处水箱、水泵、阀门或测压点"),
        Entity("network", "管网", model="Network", one_row_is="一个独立计量的供水管网"),
    ],
    streams=[streams.ASSET_HOUR, streams.NETWORK_HOUR],
    feeds=feeds.FEEDS,
    indicators=[
        "indicators/tank_level_day.sql",
        "indicators/pump_hours_day.sql",
        "indicators/attack_hours_day.sql",
        "indicators/asset_still_hours.sql",
        "indicators/asset_stuck_hours.sql",
        "indicators/pressure_day.sql",
        "indicators/pressure_drift.sql",
    ],
    alerts=alerts.ALERTS,
    pages=pages.PAGES,
    boards=["boards/water.toml"],
    instruments=world.INSTRUMENTS,
)
