# SPDX-License-Identifier: Apache-2.0
"""Which figures are shown, and the classes and colours they are shown in."""

from __future__ import annotations

from chengyun.city import Page, Table, Tiles

CITY_EVALUATION = Page(
    key="evaluation",
    name="城市评价",
    panels=[
        Tiles("指数", indicators=["city_index", "air_day", "air_month"]),
        Tiles("各区县空气环境指数", indicators=["air_day"], by="district"),
        Table("年度自评", indicators=["reported_year"], columns=["government", "management", "protection", "survey"]),
    ],
)

PAGES = (CITY_EVALUATION,)
