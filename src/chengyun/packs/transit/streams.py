# SPDX-License-Identifier: Apache-2.0
"""What is planned by route and day, where vehicles are, and how late trips run."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Quantity, Ref, Stream, Text

ROUTE_DAY = Stream(
    key="route_day",
    name="线路日计划",
    one_row_is="一条线路、一个运营日，按时刻表",
    time="noon",
    fields=[
        Ref("route", to="route", name="线路"),
        Quantity("trips", "班次", unit="个", valid=(0, 10_000)),
        Quantity("stop_visits", "停站次数", unit="个", valid=(0, 1_000_000)),
        Quantity("hours", "行驶时间", unit="h", valid=(0, 100_000), decimals=1),
        Quantity("km", "行驶里程", unit="km", valid=(0, 1_000_000), decimals=1),
        Quantity("first", "首班发车，运营日零时起", unit="s", valid=(0, 48 * 3600)),
        Quantity("last", "末班到达，运营日零时起", unit="s", valid=(0, 72 * 3600)),
    ],
    # A timetable speaks of days to come and of days long past; neither is late.
    late_after=dt.timedelta(days=3660),
    silent_after=dt.timedelta(days=3660),
)

VEHICLE_POSITION = Stream(
    key="vehicle_position",
    name="车辆位置",
    one_row_is="一辆车、一次报告",
    time="observed_at",
    fields=[
        Ref("vehicle", to="vehicle", name="车辆"),
        Quantity("lon", "经度（WGS-84）", unit="°", valid=(-180, 180), decimals=5),
        Quantity("lat", "纬度（WGS-84）", unit="°", valid=(-90, 90), decimals=5),
        Quantity("speed", "速度", unit="m/s", valid=(0, 60), decimals=1),
        Quantity("bearing", "方位角，正北起", unit="°", valid=(0, 360)),
        Text("route", "线路", longest=100),
        Text("trip", "班次", longest=100),
    ],
    late_after=dt.timedelta(minutes=10),
    silent_after=dt.timedelta(hours=12),
)

TRIP_DELAY = Stream(
    key="trip_delay",
    name="班次晚点",
    one_row_is="一个班次、一次预测",
    time="observed_at",
    fields=[
        Ref("trip", to="trip", name="班次"),
        Quantity("delay", "下一站晚点，早到为负", unit="s", valid=(-7_200, 86_400)),
        Quantity("stops", "预测的站数", unit="个", valid=(0, 1000)),
        Text("route", "线路", longest=100),
        Text("vehicle", "车辆", longest=100),
    ],
    late_after=dt.timedelta(minutes=10),
    silent_after=dt.timedelta(hours=12),
)
