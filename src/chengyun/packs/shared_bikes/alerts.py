# SPDX-License-Identifier: Apache-2.0
"""When somebody must bring bikes or take some away. One bike and one dock are our defaults; no standard gives any."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Above, AlertRule, Below, Budget, Silent

TRUCK = Budget(10, because="调度车每天本来就跑，多看一个站点只要几分钟；一周十次以上，说明发布的数不可信。")
VISIT = Budget(3, because="每条要维护人员到站点查锁桩一次；旧金山 494 个站点两周没有一次误报，一周三次已说明规则不合此城。")


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
        budget=TRUCK,
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
        budget=TRUCK,
    ),
    AlertRule(
        key="station_silent",
        name="站点无数据",
        on="station_status",
        when=Silent(after=dt.timedelta(hours=6)),
        severity="blue",
        meaning="站点六小时没有状态，请检查供电与通信。",
        group="district",
        budget=Budget(5, because="没有状态是事实，误报只能来自传输或本系统；先问运营方，一周五次以上说明该查传输。"),
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
        budget=Budget(5, because="站点自己没有上报是运营方所发的事实；误报只能来自时钟，一周五次以上说明该查时钟。"),
    ),
    AlertRule(
        key="station_stuck",
        name="站点车辆数不变",
        on="station_still",
        # How many stand there is what people do: only of a station where they do much does a day without say something.
        # Of 494 Bay Wheels stations none came to 16 by itself within two weeks, and one to 12.
        when=Above(16),
        severity="blue",
        meaning="站点按往常早该有十几次借还，可借车辆数却一天以上没有变，请检查站点计数与锁桩。",
        group="district",
        budget=VISIT,
    ),
)
