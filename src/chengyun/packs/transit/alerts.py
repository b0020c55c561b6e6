# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: a trip that runs a quarter of an hour late. Our default; no standard gives one."""

from __future__ import annotations

from chengyun.city import Above, AlertRule

ALERTS = (
    AlertRule(
        key="trip_late",
        name="班次晚点",
        on="trip_delay",
        field="delay",
        when=Above(900, clear=600, times=2),
        severity="blue",
        meaning="班次连续两次预测晚点超过十五分钟，请核查路况并通知后续站点。",
    ),
)
