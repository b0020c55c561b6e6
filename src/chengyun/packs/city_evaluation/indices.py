# SPDX-License-Identifier: Apache-2.0
"""What a city is measured by as a whole, and the air as an index of its own."""

from __future__ import annotations

import datetime as dt

from chengyun.city import AHP, Dimension, Distance, Entropy, Index, MinMax, Part, Percentile
from chengyun.packs.city_evaluation.items import DIMENSIONS, ITEMS

CITY_INDEX = Index(
    key="city_index",
    name="新型智慧城市指数",
    one_row_is="一个城市或区县、一年",
    period="year",
    source="GB/T 33356；新型智慧城市评价指标（2016 年）：分项得分等于权重乘比率，没有数据的项计 0 分并注明",
    dimensions=[
        Dimension(
            dimension,
            name,
            parts=[
                Part(
                    item.key, item.name, "reported_year", MinMax(0, 100), column=item.key,
                    weight=f"city_index.items:{item.key}", over="last",
                )
                for item in ITEMS if item.dimension == dimension
            ],
            weight=f"city_index.dimensions:{dimension}",
        )
        for dimension, name in DIMENSIONS.items()
    ],
    missing="zero",
    decimals=2,
    fresh_for=dt.timedelta(days=400),
    note="一级权重已与 2016 年、2018 年通知的留存文本核对；二级权重未经核实。2018 年网络安全只扣分，这里不计扣分。"
         "GB/T 33356-2022 的权重未经核实，未收录。",
)  # fmt: skip

AIR_DAY = Index(
    key="air_day",
    name="空气环境指数",
    one_row_is="一个区县或城市、一个当地日",
    period="day",
    source="本系统方法：距目标，层次分析法定权；目标见 limits.toml",
    dimensions=[
        Dimension(
            "particles",
            "颗粒物",
            parts=[
                Part("pm25", "PM2.5", "air_quality.area_hour_aqi", Distance("air.goals:pm25", "air.goals:worst_pm25"),
                     better="less", column="pm25_1h", weight=2),
                Part("worst_hour", "最差一小时 AQI", "air_quality.area_hour_aqi", Distance(50, 200), better="less",
                     over="highest", weight=1),
            ],
        ),
        Dimension("ozone", "臭氧", parts=[
            Part("o3", "臭氧最高一小时", "air_quality.area_hour_aqi", Distance("air.goals:o3", "air.goals:worst_o3"),
                 better="less", column="o3_1h", over="highest"),
        ]),
        Dimension("traffic", "交通尾气", parts=[
            Part("no2", "二氧化氮", "air_quality.area_hour_aqi", Distance("air.goals:no2", "air.goals:worst_no2"),
                 better="less", column="no2_1h"),
        ]),
    ],
    weights=AHP({("particles", "ozone"): 2, ("particles", "traffic"): 3, ("ozone", "traffic"): 2}),
    aggregate="geometric",
    missing="renormalise",
    least=0.5,
    decimals=1,
    fresh_for=dt.timedelta(hours=36),
)  # fmt: skip

AIR_MONTH = Index(
    key="air_month",
    name="空气环境月度比较",
    one_row_is="一个区县、一个月：与其他区县比较",
    period="month",
    source="本系统方法：区县之间比较，熵权法定权",
    dimensions=[
        Dimension("days", "天数", weight=1, parts=[
            Part("good_air", "优良天数比例", "air_quality.good_air_month", MinMax()),
        ]),
        Dimension("levels", "水平", weight=1, weights=Entropy(), parts=[
            Part("mean_aqi", "AQI 均值", "air_quality.area_day_aqi", MinMax(), better="less"),
            Part("worst_aqi", "最高日 AQI", "air_quality.area_day_aqi", MinMax(), better="less", over="highest"),
            Part("pm25", "PM2.5 日均浓度", "air_quality.area_day_aqi", Percentile(), better="less", column="pm25_24h"),
        ]),
    ],
    missing="renormalise",
    least=0.5,
    decimals=1,
    fresh_for=dt.timedelta(days=35),
)  # fmt: skip

INDICES = (CITY_INDEX, AIR_DAY, AIR_MONTH)
