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
        budget=Budget(2, because="漏报会断水，容不得降级过早；但误报要夜里派人上水塔，一周两次以上说明液位计有误。"),
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
        budget=Budget(
            20, because="一次爆管周围十几个测压点一起报，一个漂移的压力计也会一报再报；按次数容许多些，按街道合并告知。"
        ),
    ),
    AlertRule(
        key="asset_silent",
        name="设施无数据",
        on="asset_hour",
        when=Silent(after=dt.timedelta(hours=3)),
        severity="blue",
        meaning="设施三小时没有上传，请检查遥测终端与通信。",
        group="district",
        budget=Budget(5, because="没有数据是事实，误报只能来自传输或本系统；先问通信，一周五次以上说明该查传输。"),
    ),
    AlertRule(
        key="asset_stuck",
        name="设施数值不变",
        on="asset_stuck_hours",
        when=Above(0),
        severity="blue",
        meaning="水位或压力一天以上完全相同，比本点往常停得更久，请检查传感器与数采程序。",
        budget=Budget(5, because="查一个遥测终端约一小时，多在例行巡检中顺带；一周五次以上就不再是顺带。"),
    ),
    AlertRule(
        key="pressure_drifting",
        name="测压点疑似漂移",
        on="pressure_drift",
        # In a year of C-Town without attacks no point came to more than 4 %.
        when=Above(10, clear=5),
        severity="blue",
        meaning="日平均压力连续三日偏离本点往常 10% 以上，而其他测压点没有同样变化，请校核压力计；也可能是阀门误关或局部漏损。",
        group="district",
        budget=Budget(3, because="校一个压力计要停一次表；漂移修好后四周内会反报一次，所以容许三次。"),
    ),
)
