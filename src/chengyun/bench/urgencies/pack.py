# SPDX-License-Identifier: Apache-2.0
"""One stream of each urgency, for measuring what happens under overload (`chengyun bench overload`); no city runs it."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Entity, Pack, Quantity, Ref, Stream
from chengyun.city.words import Urgency


def _stream(key: str, name: str, urgency: Urgency) -> Stream:
    return Stream(
        key=key,
        name=name,
        one_row_is="one sensor, one moment",
        time="at",
        fields=[
            Ref("sensor", to="sensor", name="测试传感器"),
            Quantity("level", "水位", unit="m", valid=(0, 100)),
            Quantity("flow", "流速", unit="m/s", valid=(0, 100)),
        ],
        cadence=dt.timedelta(seconds=1),
        urgency=urgency,
    )


PACK = Pack(
    key="urgencies",
    name="过载测量",
    owner="测试",
    answers="过载时先让谁等",
    entities=[Entity("sensor", "测试传感器", model="Sensor", one_row_is="一个测试传感器")],
    streams=[
        _stream("alarm", "报警", "life_safety"),
        _stream("reading", "读数", "normal"),
        _stream("history", "历史", "bulk"),
    ],
)
