# SPDX-License-Identifier: Apache-2.0
"""A monthly series that nobody counted, with its season and its revisions, to be looked at while there is no other."""

from __future__ import annotations

import calendar
import datetime as dt
import math
import random
from collections.abc import Iterator, Sequence

from chengyun.city import SimulatedArea, Stated, Synthetic
from chengyun.packs.macro_economy.feeds import figure_key

MONTHS = 72
SERIES = (
    ("sim_retail", "社会消费品零售总额（模拟）", "亿元", 380.0, 0.006, 0.12),
    ("sim_output", "规模以上工业增加值（模拟）", "亿元", 410.0, 0.005, 0.08),
)


def counted(areas: Sequence[SimulatedArea], chance: random.Random, today: dt.date) -> Iterator[Stated]:
    """Yield series with a first edition a month later and, for some months, a revision."""
    city = areas[0].code[:4] + "00"
    for code, name, unit, start, growth, season in SERIES:
        key = f"{code}.{city}.M"
        yield Stated("series", key, {
            "name": name, "indicator": name, "area_name": "全市", "area_code": city, "unit": unit, "frequency": "M",
            "publisher": "模拟", "scope": "模拟",
        })  # fmt: skip
        for index in range(MONTHS):
            year, month = divmod(today.year * 12 + today.month - 2 - MONTHS + index, 12)
            period = f"{year}-{month + 1:02d}"
            value = (
                start * (1 + growth) ** index * (1 + season * math.sin((month + 1) * math.tau / 12) - (0.1 if month == 1 else 0))
            )
            published = dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1]) + dt.timedelta(days=18)
            editions = [(published, value * chance.uniform(0.985, 1.015))]
            if chance.random() < 0.4:
                editions.append((published + dt.timedelta(days=180), value))
            for edition, figure in editions:
                yield Stated("figure", figure_key(key, period, edition), {
                    "name": f"{name} {period}", "series": key, "period": period, "edition": edition, "value": f"{figure:.1f}",
                    "area_code": city,
                })  # fmt: skip


SYNTHETIC = (Synthetic("statistics", counted),)
