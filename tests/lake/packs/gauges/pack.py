# SPDX-License-Identifier: Apache-2.0
"""The smallest pack that has everything the lake stores: quantities, a code and a text."""

from chengyun.city import Code, Entity, Pack, Quantity, Ref, Stream, Text

LEVEL = Stream(
    key="level",
    name="水位",
    one_row_is="one gauge, one moment",
    time="measured_at",
    fields=[
        Ref("gauge", to="gauge"),
        Quantity("depth", "水深", unit="m", valid=(0, 100)),
        Quantity("flow", "流量", unit="m³/s", valid=(0, 10000)),
        Code("state", "状态", codes={"ok": "正常", "low": "低"}),
        Text("note", "备注"),
    ],
)

PACK = Pack(
    key="gauges",
    name="水位站",
    owner="水利局",
    answers="水有多深",
    entities=[Entity(key="gauge", name="水位站", model="Gauge", one_row_is="one gauge")],
    streams=[LEVEL],
)
