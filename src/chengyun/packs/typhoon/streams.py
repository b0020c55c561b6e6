# SPDX-License-Identifier: Apache-2.0
"""Where a storm was and how strong: as established afterwards (best track), and as told while it lasted (live)."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Code, Quantity, Ref, Stream, Text

GRADES = {
    "LOW": "弱于热带低压或不明",
    "TD": "热带低压",
    "TS": "热带风暴",
    "STS": "强热带风暴",
    "TY": "台风",
    "STY": "强台风",
    "SuperTY": "超强台风",
    "EX": "变性为温带气旋",
}
"""GB/T 19201-2006, 3; LOW and EX as the best track of the China Meteorological Administration has them."""

_PLACE = (
    Quantity("lon", "经度（WGS-84）", unit="°", valid=(80, 240), decimals=1),
    Quantity("lat", "纬度（WGS-84）", unit="°", valid=(-5, 75), decimals=1),
    Quantity("pressure", "中心最低气压", unit="hPa", valid=(850, 1030)),
    Quantity("wind", "近中心最大风速（2 分钟平均）", unit="m/s", valid=(0, 120)),
)
# Tracks are of the past, some of seventy years ago: nothing of them is late, and no storm that is over is silent.
_ANY_AGE = dt.timedelta(days=36_600)

BEST_TRACK = Stream(
    key="best_track",
    name="最佳路径",
    one_row_is="一个热带气旋、一个时次，事后确定",
    time="observed_at",
    fields=[Ref("storm", to="storm", name="热带气旋"), *_PLACE, Code("grade", "强度等级", codes=GRADES)],
    late_after=_ANY_AGE,
    silent_after=_ANY_AGE,
)

LIVE_TRACK = Stream(
    key="live_track",
    name="实时路径",
    one_row_is="一个热带气旋、一个时次，当时发布",
    time="observed_at",
    fields=[
        Ref("storm", to="storm", name="热带气旋"),
        *_PLACE,
        Quantity("radius7", "七级风圈半径", unit="km", valid=(0, 1000)),
        Quantity("radius10", "十级风圈半径", unit="km", valid=(0, 600)),
        Quantity("radius12", "十二级风圈半径", unit="km", valid=(0, 400)),
        Quantity("move_speed", "移动速度", unit="km/h", valid=(0, 150)),
        Text("move_dir", "移动方向", longest=20),
        Code("grade", "强度等级", codes=GRADES),
    ],
    late_after=_ANY_AGE,
    silent_after=_ANY_AGE,
)
