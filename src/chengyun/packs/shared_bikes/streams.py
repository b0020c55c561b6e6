# SPDX-License-Identifier: Apache-2.0
"""What is sensed: what a station holds, at the moment its operator says."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Code, Quantity, Ref, Stream

STATION_STATUS = Stream(
    key="station_status",
    name="站点状态",
    one_row_is="一个站点、一次发布",
    time="observed_at",
    fields=[
        Ref("station", to="station", name="站点"),
        Quantity("bikes", "可借车辆（含助力车）", unit="辆", valid=(0, 500)),
        Quantity("ebikes", "可借助力车", unit="辆", valid=(0, 500)),
        Quantity("docks", "可还锁桩", unit="个", valid=(0, 500)),
        Quantity("bikes_disabled", "故障车辆", unit="辆", valid=(0, 500)),
        Quantity("docks_disabled", "故障锁桩", unit="个", valid=(0, 500)),
        Quantity("age", "站点上报距发布的时间", unit="s", valid=(0, 366 * 86_400)),
        Code("working", "运行", codes={"yes": "租还正常", "no": "停止租或还"}),
    ],
    cadence=dt.timedelta(minutes=30),
    late_after=dt.timedelta(hours=6),
    silent_after=dt.timedelta(hours=6),
)
