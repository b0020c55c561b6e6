# SPDX-License-Identifier: Apache-2.0
"""What is sensed: six pollutants by five minutes, by hour, and as cities publish them by day.

The range of every quantity reaches as far as the tables of HJ 633 do, or beyond them where nature does (sandstorms), so
that nothing the standard can judge is called unreal. Spike and stuck thresholds are our defaults; no standard gives them.
"""

from __future__ import annotations

import datetime as dt

from chengyun.city import Quantity, Ref, Stream

MICROGRAMS = "µg/m³"
"""Gases at 298.15 K and 1013.25 hPa, particles as found (GB 3095-2012, amendment of 2018-09-01); 273.15 K before."""


def _pollutants(*, steps: dict[str, float | None], repeats: dict[str, int | None]) -> list[Quantity]:
    """Return the six pollutants.

    steps: the largest change from one value to the next that is not suspicious. repeats: how many equal values are.
    """
    return [
        Quantity("so2", "二氧化硫", unit=MICROGRAMS, valid=(0, 2620), spike=steps.get("so2"), stuck=repeats.get("so2")),
        Quantity("no2", "二氧化氮", unit=MICROGRAMS, valid=(0, 3840), spike=steps.get("no2"), stuck=repeats.get("no2")),
        Quantity("co", "一氧化碳", unit="mg/m³", valid=(0, 150), spike=steps.get("co"), stuck=repeats.get("co"), decimals=1),
        Quantity("o3", "臭氧", unit=MICROGRAMS, valid=(0, 1200), spike=steps.get("o3"), stuck=repeats.get("o3")),
        Quantity("pm10", "PM10", unit=MICROGRAMS, valid=(0, 10000), spike=steps.get("pm10"), stuck=repeats.get("pm10")),
        Quantity("pm25", "PM2.5", unit=MICROGRAMS, valid=(0, 2000), spike=steps.get("pm25"), stuck=repeats.get("pm25")),
    ]


STATION_HOUR = Stream(
    key="station_hour",
    name="站点小时值",
    one_row_is="一个站点、一个整点小时",
    time="hour_start",
    fields=[
        Ref("station", to="station", name="站点"),
        *_pollutants(
            steps={"so2": 200, "no2": 150, "co": 5, "o3": 150, "pm10": 500, "pm25": 200},
            # SO2, CO and the ozone of a night are published in coarse steps and lie low for long; equal values say little.
            # At these lengths less than one hour in a hundred is flagged in four years of six Beijing stations (SO2 apart).
            repeats={"so2": 48, "no2": 8, "co": 48, "o3": 24, "pm10": 6, "pm25": 6},
        ),
        Quantity("o3_8h", "臭氧 8 小时滑动均值（来源发布）", unit=MICROGRAMS, valid=(0, 1200)),
        Quantity("published_aqi", "来源发布的 AQI", unit="1", valid=(0, 500)),
    ],
    cadence=dt.timedelta(hours=1),
    interval=dt.timedelta(hours=1),
    silent_after=dt.timedelta(hours=3),
)

STATION_5MIN = Stream(
    key="station_5min",
    name="站点五分钟值",
    one_row_is="一个站点、一个五分钟",
    time="start",
    fields=[
        Ref("station", to="station", name="站点"),
        *_pollutants(
            steps={"so2": 200, "no2": 150, "co": 5, "o3": 100, "pm10": 500, "pm25": 150},
            repeats={"no2": 36, "o3": 72, "pm10": 24, "pm25": 24},
        ),
    ],
    cadence=dt.timedelta(minutes=5),
    interval=dt.timedelta(minutes=5),
    silent_after=dt.timedelta(minutes=30),
    late_after=dt.timedelta(hours=1),
)

CITY_DAY = Stream(
    key="city_day",
    name="城市日报",
    one_row_is="一个城市、一个当地日，按其日报",
    time="day_start",
    fields=[
        Ref("city", to="city", name="城市"),
        *_pollutants(steps={}, repeats={}),
        Quantity("o3_8h", "臭氧日最大 8 小时均值", unit=MICROGRAMS, valid=(0, 1200)),
        Quantity("published_aqi", "日报发布的 AQI", unit="1", valid=(0, 500)),
    ],
    cadence=dt.timedelta(days=1),
    interval=dt.timedelta(days=1),
    late_after=dt.timedelta(days=3),
)

CITY_DAY_MEAN = Stream(
    key="city_day_mean",
    name="城市小时值的日平均",
    one_row_is="一个城市、一个当地日，为其发布小时值的算术平均",
    time="day_start",
    fields=[
        Ref("city", to="city", name="城市"),
        *_pollutants(steps={}, repeats={}),
        # A mean of 24 hourly AQI is not the AQI of the day, and no standard knows it.
        Quantity("mean_hourly_aqi", "小时 AQI 的平均（非日 AQI）", unit="1", valid=(0, 500)),
    ],
    cadence=dt.timedelta(days=1),
    interval=dt.timedelta(days=1),
    late_after=dt.timedelta(days=3),
)
