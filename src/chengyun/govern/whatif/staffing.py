# SPDX-License-Identifier: Apache-2.0
"""How many people a hotline or a row of counters needs, by the time of day."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chengyun.govern.whatif.declared import Column, Input, Model, Output

__all__ = ["STAFFING"]

STAFFING = Model(
    key="staffing",
    version="1",
    name=_("排队与人手"),
    answers=_("热线或窗口每个时段最少要几个人，才能让多数人在规定时间内得到接待"),
    inputs=(
        Input(key="arrivals", name=_("各时段来量"), kind="table", rows=96, columns=(
            Column(key="from", name=_("自"), kind="time"),
            Column(key="count", name=_("来电或来客数"), kind="number", low=0, high=100_000),
        ), help=_("一行一个时段的开始时刻与人数，首尾相接；最后一个时段与前一个等长。")),
        Input(key="handling_s", name=_("平均办理时长"), unit=_("秒"), low=1, high=14_400),
        Input(
            key="patience_s", name=_("平均能等多久"), unit=_("秒"), low=1, high=86_400, optional=True,
            help=_("留空：一直等下去（窗口）；填写：等不及会离开（热线）。"),
        ),
        Input(key="within_s", name=_("须在多久内接待"), unit=_("秒"), low=0, high=14_400, default=20.0),
        Input(key="target", name=_("达到的比例"), unit="%", low=1, high=99.9, default=80.0),
        Input(key="most", name=_("至多几个人"), kind="whole", low=1, high=500, default=200),
        Input(key="shrinkage", name=_("在岗而不能接待的时间"), unit="%", low=0, high=80, default=0.0,
              help=_("休息、培训、会议；排班人数按它放大。")),
    ),
    figures=(
        Output(key="hours", name=_("合计人时")),
        Output(key="rostered", name=_("排班人时")),
        Output(key="peak", name=_("最忙时段人数")),
        Output(key="served", name=_("仿真：规定时间内接待"), unit="%"),
        Output(key="served_low", name=_("95% 区间下限"), unit="%"),
        Output(key="served_high", name=_("95% 区间上限"), unit="%"),
        Output(key="left", name=_("仿真：等不及离开"), unit="%"),
        Output(key="days", name=_("仿真天数")),
    ),
    tables={"intervals": (_("各时段"), (
        Output(key="from", name=_("自")), Output(key="count", name=_("来量")), Output(key="formula", name=_("公式所需人数")),
        Output(key="staff", name=_("建议人数")), Output(key="rostered", name=_("排班人数")),
        Output(key="expected", name=_("公式：规定时间内接待"), unit="%"),
        Output(key="served", name=_("仿真：规定时间内接待"), unit="%"),
        Output(key="busy", name=_("忙时占比"), unit="%"),
    ))},
    notes={
        "raised": _("公式假定每个时段各自平稳；仿真显示有的时段前面积下的人会拖到后面，已为这些时段加人。"),
        "out_of_reach": _("有时段用到上限人数仍达不到要求。"),
    },
    limits=(
        _("来电来客按泊松过程，时段内均匀；办理时长和耐心按指数分布。办理时长更分散时，需要的人更多。"),
        _("一队多人，先到先办；没有专线、转接、回拨和一人同办几件。"),
        _("每个时段可以换一批人数，不含班次、用餐和法定工时的约束。"),
        _("人数只会在公式之上增加：开门时没有人排队的时段，公式会偏多一些。"),
    ),
    validation=_("公式（Erlang C、Erlang A）逐时段求最少人数，再用离散事件仿真检验整天；平稳时段两者相符（自动测试）。"),
    work="chengyun.govern.whatif.work.staffing:work",
    example={
        "arrivals": [
            {"from": 480 + 30 * n, "count": count}
            for n, count in enumerate([40, 62, 85, 90, 76, 60, 48, 42, 55, 70, 74, 66, 58, 52, 44, 30, 22, 18, 14, 10])
        ],
        "handling_s": 240.0, "patience_s": 120.0, "within_s": 15.0, "target": 85.0, "most": 60, "shrinkage": 20.0,
    },
    seeded=True,
)  # fmt: skip
