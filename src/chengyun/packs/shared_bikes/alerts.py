# SPDX-License-Identifier: Apache-2.0
"""When somebody must bring bikes or take some away. One bike and one dock are our defaults; no standard gives any."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Above, AlertRule, Below, Silent

ALERTS = (
    AlertRule(
        key="station_empty",
        name="站点无车可借",
        on="station_status",
        field="bikes",
        when=Below(1, clear=3, times=2),
        severity="blue",
        meaning="站点连续两次发布无车可借，请从邻近站点调车。",
        group="district",
    ),
    AlertRule(
        key="station_full",
        name="站点无桩可还",
        on="station_status",
        field="docks",
        when=Below(1, clear=3, times=2),
        severity="blue",
        meaning="站点连续两次发布无桩可还，请调走车辆。",
        group="district",
    ),
    AlertRule(
        key="station_silent",
        name="站点无数据",
        on="station_status",
        when=Silent(after=dt.timedelta(hours=6)),
        severity="blue",
        meaning="站点六小时没有状态，请检查供电与通信。",
        group="district",
    ),
    AlertRule(
        key="station_stale",
        name="站点状态陈旧",
        on="station_status",
        field="age",
        # An operator publishes a station's last word again and again: it is not silent, and says nothing.
        when=Above(6 * 3600, clear=3600, times=2),
        severity="blue",
        meaning="运营方仍在发布，但站点自己六小时没有上报，请检查站点供电与通信。",
        group="district",
    ),
)
