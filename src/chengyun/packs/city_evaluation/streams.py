# SPDX-License-Identifier: Apache-2.0
"""What is reported: how much of each item is reached, once a year."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Quantity, Ref, Stream
from chengyun.packs.city_evaluation.items import ITEMS

REPORT_YEAR = Stream(
    key="report_year",
    name="年度自评",
    one_row_is="一个评价单元、一年",
    time="year_start",
    fields=[
        Ref("unit", to="unit", name="评价单元"),
        *(Quantity(item.key, item.name, unit="%", valid=(0, 100)) for item in ITEMS),
    ],
    interval=dt.timedelta(days=365),
    # A report of a year comes in the next one, and may be handed in for years gone by.
    late_after=dt.timedelta(days=3660),
    silent_after=dt.timedelta(days=3660),
    urgency="bulk",
)
