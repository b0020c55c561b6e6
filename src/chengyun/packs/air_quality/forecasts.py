# SPDX-License-Identifier: Apache-2.0
"""What is said ahead of the air: from its own course alone, without weather, and judged by what came."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Forecast

FORECASTS = (
    Forecast(
        key="pm25_ahead",
        name="PM2.5 未来一天",
        on="station_hour",
        field="pm25",
        step=dt.timedelta(hours=1),
        horizon=24,
        seasons=(24, 168),
        every=dt.timedelta(hours=6),
        history=dt.timedelta(days=42),
    ),
    Forecast(
        key="area_aqi_ahead",
        name="区域 AQI 未来一天",
        on="area_hour_aqi",
        step=dt.timedelta(hours=1),
        horizon=24,
        seasons=(24, 168),
        every=dt.timedelta(hours=6),
        history=dt.timedelta(days=42),
    ),
)
