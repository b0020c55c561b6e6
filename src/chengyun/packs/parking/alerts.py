# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: a car park is full, or says nothing any more."""

from __future__ import annotations

import datetime as dt

from chengyun.city import Above, AlertRule, Below, Budget, Silent, Unusual

VISIT = Budget(3, because="每条要人到场看一次道闸；两千个传感器的模拟月里没有误报，一周三次已说明规则不合此城。")


ALERTS = (
    AlertRule(
        key="lot_full",
        name="停车场已满",
        on="lot_free",
        field="free",
        when=Below("alerts.full:free", clear=10, times=2),
        severity="blue",
        meaning="停车场没有空余泊位，请在诱导屏提示改往邻近停车场。",
        group="district",
        budget=Budget(10, because="改诱导屏只要一分钟，真满而没提示则司机白跑；所以容许一天一次多一点。"),
    ),
    AlertRule(
        key="lot_unusual",
        name="空余泊位反常",
        on="lot_free",
        field="free",
        # Of 100 made-up car parks with nothing wrong, 1 in 10,000 an hour is an alert a day, and two in three were false.
        when=Unusual(probability=1e-6, calm=6),
        severity="blue",
        meaning="停车场空余泊位与往常此刻相差悬殊，请核查计数是否失准，或附近是否有活动、事故、封路。",
        group="district",
        budget=VISIT,
    ),
    AlertRule(
        key="lot_still",
        name="空余泊位不变",
        on="lot_still_hours",
        # A source that leaves out what did not change is silent then, and a day of silence is told of: so is a day of repeating.
        when=Above(22),
        severity="blue",
        meaning="停车场一天内反复上传同一个数，请检查道闸计数是否卡死。",
        group="district",
        budget=VISIT,
    ),
    AlertRule(
        key="lot_silent",
        name="停车场无数据",
        on="lot_free",
        when=Silent(after=dt.timedelta(days=1)),
        severity="blue",
        meaning="停车场一天没有上传空余泊位，请检查道闸系统与网络。",
        group="district",
        budget=Budget(5, because="没有数据是事实，误报只能来自传输或本系统；先打电话，一周五次以上说明该查传输。"),
    ),
)
