# SPDX-License-Identifier: Apache-2.0
"""Air quality: what the city breathes, hour by hour, and who must look into it."""

from __future__ import annotations

from chengyun.city import Entity, Pack
from chengyun.packs.air_quality import alerts, cases, feeds, figures, forecasts, pages, quality, simulate, streams, world

PACK = Pack(
    key="air_quality",
    name="空气质量",
    owner="生态环境局",
    answers="哪里的空气在变差，由谁去查",
    standards=["GB 3095", "HJ 633", "HJ 663", "GB/T 8170"],  # editions and their dates stand in limits.toml
    entities=[
        Entity("station", "空气质量监测站", model="Station", one_row_is="一处测量空气的地方", open=True),
        Entity("city", "发布城市", model="City", one_row_is="一个发布日报的城市", open=True),
    ],
    streams=[streams.STATION_HOUR, streams.STATION_5MIN, streams.CITY_DAY, streams.CITY_DAY_MEAN],
    feeds=feeds.FEEDS,
    rules=figures.RULES,
    scales=pages.SCALES,
    limits="limits.toml",
    indicators=[
        "indicators/station_hour_aqi.sql",
        "indicators/area_hour_aqi.sql",
        "indicators/station_day_aqi.sql",
        "indicators/area_day_aqi.sql",
        "indicators/pm25_daily.sql",
        "indicators/city_day_aqi.sql",
        "indicators/good_air_month.sql",
        "indicators/good_air_year.sql",
        "indicators/city_good_air_year.sql",
        "indicators/composite_index_month.sql",
        "indicators/composite_index_year.sql",
        "indicators/year_assessment.sql",
        "indicators/station_health.sql",
        "indicators/station_stuck_hours.sql",
        "indicators/station_drift.sql",
    ],
    alerts=alerts.ALERTS,
    cases=[cases.AIR_CHECK],
    forecasts=forecasts.FORECASTS,
    pages=pages.PAGES,
    boards=["boards/air.toml"],
    quality=quality.QUALITY,
    simulation=simulate.SIMULATION,
    instruments=world.INSTRUMENTS,
)
