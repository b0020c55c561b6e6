# SPDX-License-Identifier: Apache-2.0
"""What is received: each message about a warning."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Code, Quantity, Ref, Stream, Text

STATUS = {"Actual": "实际", "Exercise": "演练", "System": "系统", "Test": "测试", "Draft": "草稿"}
KIND = {"Alert": "首次", "Update": "更新", "Cancel": "解除", "Ack": "回执", "Error": "拒绝"}
URGENCY = {"Immediate": "立即", "Expected": "一小时内", "Future": "不久", "Past": "已过", "Unknown": "不明"}
CERTAINTY = {"Observed": "已发生", "Likely": "很可能", "Possible": "可能", "Unlikely": "不太可能", "Unknown": "不明"}

MESSAGE = Stream(
    key="message",
    name="预警消息",
    one_row_is="一条预警、一次消息",
    time="sent",
    fields=[
        Ref("warning", to="warning", name="预警"),
        Quantity("severity", "严重程度（1 轻微至 4 特别严重）", unit="1", valid=(1, 4)),
        Quantity("duration", "有效时长", unit="h", valid=(0, 24 * 366), decimals=1),
        Code("status", "性质", codes=STATUS),
        Code("kind", "类别", codes=KIND),
        Code("urgency", "紧急程度", codes=URGENCY),
        Code("certainty", "可能性", codes=CERTAINTY),
        Text("headline", "标题", longest=200),
        Text("faults", "不合规范之处", longest=200),
    ],
    late_after=dt.timedelta(minutes=30),
    silent_after=dt.timedelta(days=3660),
)
