# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: a trip that runs a quarter of an hour late. Our default; no standard gives one."""

from __future__ import annotations

from chengyun.city import Above, AlertRule, Budget

ALERTS = (
    AlertRule(
        key="trip_late",
        name="班次晚点",
        on="trip_delay",
        field="delay",
        when=Above(900, clear=600, times=2),
        severity="blue",
        meaning="班次连续两次预测晚点超过十五分钟，请核查路况并通知后续站点。",
        budget=Budget(20, because="预测晚点在到站前本会变动，看一眼只要一分钟；一天三次以上没有晚到，调度就不再看了。"),
    ),
)
