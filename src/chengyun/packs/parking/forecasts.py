# SPDX-License-Identifier: Apache-2.0
"""What is said ahead of car parks: how many spaces there will be."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Forecast

FORECASTS = (
    Forecast(
        key="free_ahead",
        name="空余泊位未来半天",
        on="lot_free",
        field="free",
        step=dt.timedelta(minutes=30),
        horizon=24,
        seasons=(48, 336),
        every=dt.timedelta(hours=3),
        history=dt.timedelta(days=42),
        stands=True,
    ),
)
