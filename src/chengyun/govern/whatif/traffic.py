# SPDX-License-Identifier: Apache-2.0
"""What closing a road does to everybody's journey: simulated vehicle by vehicle by Eclipse SUMO."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chengyun.govern.whatif.declared import Input, Model, Output

__all__ = ["TRAFFIC"]

TRAFFIC = Model(
    key="traffic",
    version="1",
    name=_("道路封闭"),
    answers=_("封闭一条路以后，行程时间多了多少，车流改走哪里"),
    inputs=(
        Input(key="network", name=_("路网"), kind="network"),
        Input(key="closed", name=_("封闭的路"), kind="text", help=_("路名，或 OpenStreetMap 的道路编号。")),
        Input(key="vehicles", name=_("车流量"), unit=_("辆/小时"), kind="whole", low=10, high=20_000, default=600),
        Input(key="minutes", name=_("出发时段长"), unit=_("分钟"), kind="whole", low=5, high=120, default=30),
        Input(key="through", name=_("过境车比例"), unit="%", low=0, high=100, default=30.0,
              help=_("从路网边缘进出的车；其余在路网内部出发和到达。")),
        Input(key="runs", name=_("重复次数"), kind="whole", low=3, high=30, default=8,
              help=_("每次换一组出行和随机数，封闭前后用同一组；次数越多区间越窄。")),
    ),
    figures=(
        Output(key="before_s", name=_("封闭前平均行程"), unit=_("秒")),
        Output(key="after_s", name=_("封闭后平均行程"), unit=_("秒")),
        Output(key="change_s", name=_("平均增加"), unit=_("秒")),
        Output(key="low_s", name=_("95% 区间下限"), unit=_("秒")),
        Output(key="high_s", name=_("95% 区间上限"), unit=_("秒")),
        Output(key="percent", name=_("增加"), unit="%"),
        Output(key="detour_m", name=_("平均多走"), unit=_("米")),
        Output(key="affected", name=_("原来走这条路的车占"), unit="%"),
        Output(key="affected_s", name=_("其中每车平均增加"), unit=_("秒")),
        Output(key="cut_off", name=_("封闭后无路可走的车"), unit="%"),
        Output(key="stuck", name=_("堵死后被移走的车"), unit="%"),
        Output(key="closed_m", name=_("封闭的车道方向总长"), unit=_("米")),
        Output(key="runs", name=_("重复次数")),
    ),
    tables={
        "runs": (_("各次重复"), (
            Output(key="seed", name=_("种子")), Output(key="before", name=_("封闭前"), unit=_("秒")),
            Output(key="after", name=_("封闭后"), unit=_("秒")), Output(key="change", name=_("增加"), unit=_("秒")),
            Output(key="trips", name=_("两边都走完的车")),
        )),
        "roads": (_("车流变化最大的路"), (
            Output(key="road", name=_("道路")), Output(key="before", name=_("封闭前"), unit=_("辆")),
            Output(key="after", name=_("封闭后"), unit=_("辆")), Output(key="change", name=_("变化"), unit=_("辆")),
        )),
    },
    notes={
        "no_difference": _("区间包含零：这样的车流下看不出差别。"),
        "jammed": _("有车堵死后被移走：车流超出路网所能承担，增加的时间是低估。"),
        "cut_off": _("有车在封闭后无路可走，它们不在平均之内。"),
    },
    limits=(
        _("出行是按路网随机生成的，没有用流量调查或路口计数校准：看的是封闭前后的相对变化，不是实际流量。"),
        _("驾车人知道封闭并按当前车速改道；不取消出行，不改乘公共交通，不换出发时间。"),
        _("信号灯的位置取自 OpenStreetMap 或由程序推测，配时是程序默认。"),
        _("只有小客车；路网边缘以外的绕行看不到。"),
    ),
    validation=_("仿真器为 Eclipse SUMO；同一种子结果相同，封闭的路上不再有车，没有路的车不算（自动测试，真实路网）。"),
    work="chengyun.govern.whatif.work.traffic:work",
    example={},
    seeded=True,
    within_s=900,
)  # fmt: skip
