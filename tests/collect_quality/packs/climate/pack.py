# SPDX-License-Identifier: Apache-2.0
"""The smallest pack whose values can be in another unit of temperature and of mass."""

import datetime as dt

from chengyun.city import Entity, Pack, Quantity, Ref, Stream

AIR = Stream(
    key="air",
    name="气温",
    one_row_is="一支温度计、十分钟",
    time="at",
    fields=[
        Ref("thermometer", to="thermometer", name="温度计"),
        Quantity("temperature", "气温", unit="℃", valid=(-60, 150)),
        Quantity("dust", "粉尘", unit="mg/m³", valid=(0, 100000)),
    ],
    cadence=dt.timedelta(minutes=10),
)

PACK = Pack(
    key="climate",
    name="气候",
    owner="气象局",
    answers="多热",
    entities=[Entity(key="thermometer", name="温度计", model="Thermometer", one_row_is="一支温度计", open=True)],
    streams=[AIR],
)
