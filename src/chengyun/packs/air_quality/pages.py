# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Band, Calendar, Chart, MapLayer, Page, Scale, Table, Tiles

GREEN, YELLOW, ORANGE, RED, PURPLE, MAROON = "#00e400", "#ffff00", "#ff7e00", "#ff0000", "#99004c", "#7e0023"
"""RGB 0,228,0; 255,255,0; 255,126,0; 255,0,0; 153,0,76; 126,0,35 (HJ 633-2012, table 2; HJ 633-2026)."""

AQI = Scale(
    key="aqi",
    name="空气质量指数级别",
    source="HJ 633-2012 表 2；HJ 633-2026 未变",
    bands=[
        Band(50, "优", GREEN),
        Band(100, "良", YELLOW),
        Band(150, "轻度污染", ORANGE),
        Band(200, "中度污染", RED),
        Band(300, "重度污染", PURPLE),
        Band(None, "严重污染", MAROON),
    ],
)

PM25 = Scale(
    key="pm25",
    name="PM2.5 浓度级别",
    source="HJ 633-2026 24 小时均值分段；用于短时均值着色，不是指数",
    bands=[
        Band(35, "优", GREEN),
        Band(60, "良", YELLOW),
        Band(115, "轻度污染", ORANGE),
        Band(150, "中度污染", RED),
        Band(250, "重度污染", PURPLE),
        Band(None, "严重污染", MAROON),
    ],
)

POLLUTANTS = ("pm25", "pm10", "o3", "no2", "so2", "co")
INDICES = ("level", "primary", *(f"iaqi_{pollutant}" for pollutant in POLLUTANTS))

AIR = Page(
    key="air",
    name="空气",
    panels=[
        Tiles(
            "全市空气", indicators=["area_hour_aqi", "area_day_aqi", "good_air_month", "good_air_year", "composite_index_month"]
        ),
        MapLayer("站点 AQI", entity="station", indicator="station_hour_aqi", scale="aqi", areas="area_hour_aqi"),
        MapLayer("站点 PM2.5 实时", entity="station", stream="station_5min", field="pm25", scale="pm25"),
        Chart("各区小时 AQI", indicators=["area_hour_aqi"]),
        Table("各区此刻", indicators=["area_hour_aqi"], columns=INDICES),
        Calendar("日 AQI 年历", indicator="area_day_aqi"),
    ],
)

STATION = Page(
    key="station",
    name="监测站",
    entity="station",
    panels=[
        Tiles("本站", indicators=["station_hour_aqi", "station_day_aqi", "pm25_daily", "station_health", "station_drift"]),
        Chart("颗粒物与臭氧", stream="station_hour", fields=["pm25", "pm10", "o3"]),
        Chart("其他气体", stream="station_hour", fields=["no2", "so2"]),
        Chart("一氧化碳", stream="station_hour", fields=["co"]),
        Chart("五分钟值", stream="station_5min", fields=["pm25", "pm10", "o3", "no2"]),
        Calendar("日 AQI 年历", indicator="station_day_aqi"),
    ],
)

REPORT = Page(
    key="report",
    name="日报",
    panels=[
        Tiles("各区昨日", indicators=["area_day_aqi"], by="district"),
        Table("各区日报", indicators=["area_day_aqi"], columns=[*INDICES, "exceeded", "stations"]),
        Table(
            "本月与本年",
            indicators=["good_air_month", "good_air_year", "composite_index_month", "composite_index_year", "year_assessment"],
        ),
        Table("站点日报", indicators=["station_day_aqi"], columns=INDICES),
        Table("站点健康", indicators=["station_health", "station_stuck_hours", "station_drift"]),
        Table(
            "城市日报与发布值",
            indicators=["city_day_aqi"],
            columns=["level", "primary", "published_aqi", "difference"],
        ),
    ],
)

PAGES = (AIR, STATION, REPORT)
SCALES = (AQI, PM25)
