# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: a tank nearly empty, a pressure too low, a signal gone or standing still. Our defaults; a network
sets its own."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Above, AlertRule, Below, Budget, Silent

ALERTS = (
    AlertRule(
        key="tank_low",
        name="水箱水位低",
        on="asset_hour",
        field="level",
        when=Below(0.5, clear=1, times=2),
        severity="orange",
        meaning="水箱水位连续两小时低于 0.5 米，请核查补水泵与用水量。",
    ),
    AlertRule(
        key="pressure_low",
        name="供水压力低",
        on="asset_hour",
        field="pressure",
        when=Below(14, clear=16, times=2),
        severity="yellow",
        meaning="测压点压力水头连续两小时低于 14 米，请核查水泵与爆管。",
        # One burst is felt by all points of a neighbourhood: nine in the middle of a simulated month.
        group="street",
        budget=Budget(20),
    ),
    AlertRule(
        key="asset_silent",
        name="设施无数据",
        on="asset_hour",
        when=Silent(after=dt.timedelta(hours=3)),
        severity="blue",
        meaning="设施三小时没有上传，请检查遥测终端与通信。",
        group="district",
    ),
    AlertRule(
        key="asset_stuck",
        name="设施数值不变",
        on="asset_stuck_hours",
        when=Above(0),
        severity="blue",
        meaning="水位连续 24 个或压力连续 36 个小时值完全相同，请检查传感器与数采程序。",
        budget=Budget(5),
    ),
    AlertRule(
        key="pressure_drifting",
        name="测压点疑似漂移",
        on="pressure_drift",
        # In a year of C-Town without attacks no point came to more than 5 %.
        when=Above(10, clear=5),
        severity="blue",
        meaning="日平均压力连续三日偏离本点往常 10% 以上，而其他测压点没有同样变化，请校核压力计；也可能是阀门误关或局部漏损。",
        group="district",
        budget=Budget(3),
    ),
)
