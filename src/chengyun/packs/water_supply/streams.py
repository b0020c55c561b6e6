# SPDX-License-Identifier: Apache-2.0
"""What is sensed: levels, flows, pressures and whether it runs, of each thing by the hour."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Quantity, Ref, Stream

ASSET_HOUR = Stream(
    key="asset_hour",
    name="设施小时值",
    one_row_is="一处设施、一个小时",
    time="hour_start",
    fields=[
        Ref("asset", to="asset", name="设施"),
        # How long an honest one stands still was looked up in a year and a half of C-Town: a full tank for 18 hours, a point
        # behind a resting pump for 34.
        Quantity("level", "水位", unit="m", valid=(0, 50), spike=5, stuck=24, decimals=2),
        Quantity("flow", "流量", unit="L/s", valid=(0, 5000), decimals=2),
        Quantity("pressure", "压力水头", unit="m", valid=(0, 200), stuck=36, decimals=1),
        Quantity("running", "运行（1 开，0 关）", unit="1", valid=(0, 1)),
    ],
    cadence=dt.timedelta(hours=1),
    interval=dt.timedelta(hours=1),
    silent_after=dt.timedelta(hours=3),
    sharing="conditional",
    open=False,
)

NETWORK_HOUR = Stream(
    key="network_hour",
    name="管网小时标注",
    one_row_is="一个管网、一个小时：人工核定是否受攻击",
    time="hour_start",
    fields=[
        Ref("network", to="network", name="管网"),
        Quantity("attack", "受攻击（1 是，0 否）", unit="1", valid=(0, 1)),
    ],
    cadence=dt.timedelta(hours=1),
    interval=dt.timedelta(hours=1),
    late_after=dt.timedelta(days=365),
    silent_after=dt.timedelta(days=365),
    sharing="conditional",
    open=False,
)
