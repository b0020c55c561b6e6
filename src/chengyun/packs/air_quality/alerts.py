# SPDX-License-Identifier: Apache-2.0
"""When somebody must look: limits exceeded, stations silent, stuck, or apart from their neighbours.

Limits come from GB 3095 where it has one for the averaging time; the others are our defaults in limits.toml (alerts.*).
An alert ends only when the value has fallen clearly below the limit, so that it does not flicker.
"""

from __future__ import annotations

import datetime as dt

from chengyun.city import Above, AlertRule, Below, Budget, Silent

CHECKS = ("air_quality.air_check",)
EXCEEDED = Budget(
    3, because="限值由标准规定，超过就须告知，误报只能来自仪器；一周三次以上，说明该先查仪器。",
)  # fmt: skip
EXCEEDED_CHECKED = Budget(
    3, cases=CHECKS, because="限值由标准规定，误报只能来自仪器；每条派一次现场核查，一周白跑三次以上，说明该先查仪器。",
)  # fmt: skip
"""One that opens a check is borne out by it; of the others nobody writes down what they were."""
VISIT = Budget(3, because="核对一次要技术人员跑一趟站房，约半天；白跑一周三次以上，真的也没有人去了。")
SILENT = Budget(5, because="没有数据是事实，误报只能来自传输或本系统；打个电话就能问清，一周五次以上说明该查传输。")


ALERTS = (
    AlertRule(
        key="pm25_rising",
        name="PM2.5 五分钟值持续偏高",
        on="station_5min",
        field="pm25",
        when=Above("alerts.pm25_hour:orange", clear=115, times=2),
        severity="yellow",
        meaning="站点 PM2.5 连续两个五分钟值超过 150 µg/m³，请核查周边扬尘、焚烧或工业排放。",
        opens="air_check",
        group="district",
        budget=Budget(5, cases=CHECKS, because="五分钟值抖动大，早一小时值得多几次白跑；每条派一次现场核查，一周五次为限。"),
    ),
    AlertRule(
        key="pm25_hour_high",
        name="PM2.5 小时值重度污染",
        on="station_hour",
        field="pm25",
        when=Above("alerts.pm25_hour:orange", clear=115, part_of="pm10"),
        severity="orange",
        meaning="站点 PM2.5 小时均值超过 150 µg/m³，达到重度污染水平，请研判范围与来源。",
        group="district",
        budget=EXCEEDED,
    ),
    AlertRule(
        key="pm25_hour_severe",
        name="PM2.5 小时值严重污染",
        on="station_hour",
        field="pm25",
        when=Above("alerts.pm25_hour:red", clear=150, part_of="pm10"),
        severity="red",
        meaning="站点 PM2.5 小时均值超过 250 µg/m³，达到严重污染水平，请立即核查并考虑启动应急响应。",
        opens="air_check",
        group="district",
        budget=EXCEEDED_CHECKED,
    ),
    AlertRule(
        key="o3_hour_exceeded",
        name="臭氧小时值超标",
        on="station_hour",
        field="o3",
        when=Above("gb3095.o3_1h:grade2", clear=180),
        severity="yellow",
        meaning="站点臭氧小时均值超过二级限值，请提醒公众减少午后户外活动，并核查挥发性有机物排放。",
        group="city",
        budget=EXCEEDED,
    ),
    AlertRule(
        key="no2_hour_exceeded",
        name="二氧化氮小时值超标",
        on="station_hour",
        field="no2",
        when=Above("gb3095.no2_1h:grade2", clear=160),
        severity="yellow",
        meaning="站点二氧化氮小时均值超过二级限值，请核查周边交通与锅炉排放。",
        group="district",
        budget=EXCEEDED,
    ),
    AlertRule(
        key="so2_hour_exceeded",
        name="二氧化硫小时值超标",
        on="station_hour",
        field="so2",
        when=Above("gb3095.so2_1h:grade2", clear=120),
        severity="orange",
        meaning="站点二氧化硫小时均值超过二级限值，请核查周边燃煤与化工排放。",
        opens="air_check",
        group="district",
        budget=EXCEEDED_CHECKED,
    ),
    AlertRule(
        key="co_hour_exceeded",
        name="一氧化碳小时值超标",
        on="station_hour",
        field="co",
        when=Above("gb3095.co_1h:grade2", clear=8),
        severity="orange",
        meaning="站点一氧化碳小时均值超过二级限值，请核查周边不完全燃烧源。",
        opens="air_check",
        group="district",
        budget=EXCEEDED_CHECKED,
    ),
    AlertRule(
        key="area_day_polluted",
        name="区域日空气质量超标",
        on="area_day_aqi",
        when=Above("aqi.good:upto"),
        severity="blue",
        meaning="该区域当日 AQI 大于 100，不是优良天，请在日报中说明原因。",
        budget=Budget(3, because="由有效日均值按标准算出，只需在日报中说明原因；一周三个区域算错，说明站点数据有误。"),
    ),
    AlertRule(
        key="station_silent",
        name="站点无数据",
        on="station_hour",
        when=Silent(after=dt.timedelta(hours=3)),
        severity="blue",
        meaning="站点三小时没有上传小时值，请检查供电、通信与数采仪。",
        group="district",
        budget=SILENT,
    ),
    AlertRule(
        key="station_stuck",
        name="站点数值不变",
        on="station_stuck_hours",
        when=Above("alerts.health:stuck_hours"),
        severity="blue",
        meaning="站点当日多个小时数值保持不变，请检查仪器采样与数据传输。",
        budget=VISIT,
    ),
    AlertRule(
        key="station_incomplete",
        name="站点数据不完整",
        on="station_health",
        when=Below("alerts.health:min_percent", times=2),
        severity="blue",
        meaning="站点连续两天有效小时值不足，日均值可能无效，请检查并补传。",
        budget=VISIT,
    ),
    AlertRule(
        key="station_drifting",
        name="站点持续偏离邻近站点",
        on="station_drift",
        when=Above("alerts.drift:percent", times=7),
        severity="yellow",
        meaning="站点 PM2.5 日均值连续七天明显偏离邻近站点，请安排校准或现场核查。",
        opens="air_check",
        budget=Budget(3, cases=CHECKS, because="每条派人带标准器校核一次；七天才成立一次的规则，一周三条误报就不如定期巡检。"),
    ),
)
