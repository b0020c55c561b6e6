# SPDX-License-Identifier: Apache-2.0
"""What must be true of a row: what one pollutant says about another."""

from __future__ import annotations

from chengyun.city import QualityRule

FINE_IN_COARSE = "pm25 <= pm10"
"""PM10 counts every particle up to 10 µm, those up to 2.5 µm among them (GB 3095-2012, 3.3 and 3.4)."""
MEANING = "PM2.5 是 PM10 的一部分，不可能比它大：两台仪器至少有一台偏了，或两列对调了。"

QUALITY = [
    QualityRule(
        key=f"fine_in_coarse_{short}", name="PM2.5 不大于 PM10", on=stream, dimension="consistency", holds=FINE_IN_COARSE,
        meaning=MEANING,
    )
    for short, stream in {"hour": "station_hour", "5min": "station_5min", "day": "city_day"}.items()
]  # fmt: skip
