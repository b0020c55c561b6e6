# SPDX-License-Identifier: Apache-2.0
"""Air quality: what the city breathes, hour by hour, and who must look into it."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.air_quality import streams

PACK = Pack(
    key="air_quality",
    name="空气质量",
    owner="生态环境局",
    answers="哪里的空气在变差，由谁去查",
    standards=["GB 3095", "HJ 633", "HJ 663"],  # editions and their dates stand in limits.toml
    entities=[
        Entity("station", "空气质量监测站", model="Station", one_row_is="one place where air is measured", open=True),
        Entity("city", "发布城市", model="City", one_row_is="one city that publishes a daily report", open=True),
    ],
    streams=[streams.STATION_HOUR, streams.STATION_5MIN, streams.CITY_DAY, streams.CITY_DAY_MEAN],
)
