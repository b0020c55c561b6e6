# SPDX-License-Identifier: Apache-2.0
"""Which measures to pay for where: the most need met for a budget, nobody below a floor."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chengyun.govern.whatif.declared import Column, Input, Model, Output

__all__ = ["ALLOCATION"]

ALLOCATION = Model(
    key="allocation",
    version="1",
    name=_("资源分配"),
    answers=_("预算有限时，在哪些区域上哪些措施，满足的需求最多，且没有区域低于底线"),
    inputs=(
        Input(key="budget", name=_("预算"), unit=_("与单价同单位"), low=0, high=1e12),
        Input(
            key="floor", name=_("公平底线"), unit="%", low=0, high=100, default=0.0,
            help=_("每个区域的需求至少满足的比例；0 为不设底线。"),
        ),
        Input(
            key="areas", name=_("区域与需求"), kind="table", rows=300,
            columns=(
                Column(key="area", name=_("区域")),
                Column(key="need", name=_("需求量"), kind="number", low=0, high=1e9),
            ),
            help=_("一行一个区域，可从表格粘贴。"),
        ),
        Input(
            key="measures", name=_("可选措施"), kind="table", rows=2000,
            columns=(
                Column(key="area", name=_("区域")),
                Column(key="measure", name=_("措施")),
                Column(key="cost", name=_("单价"), kind="number", low=0, high=1e12),
                Column(key="serves", name=_("每份满足的需求量"), kind="number", low=0, high=1e9),
                Column(key="most", name=_("至多几份"), kind="whole", low=0, high=10_000, optional=True, default=1),
            ),
        ),
    ),
    figures=(
        Output(key="met", name=_("满足的需求")),
        Output(key="share", name=_("占总需求"), unit="%"),
        Output(key="cost", name=_("花费")),
        Output(key="worst", name=_("最低的区域满足"), unit="%"),
        Output(key="free", name=_("不设底线时可满足")),
        Output(key="price", name=_("底线的代价（少满足的需求）")),
        Output(key="gap", name=_("与理论最优至多相差"), unit="%"),
    ),
    tables={
        "bought": (
            _("选中的措施"),
            (
                Output(key="area", name=_("区域")), Output(key="measure", name=_("措施")), Output(key="count", name=_("份数")),
                Output(key="cost", name=_("花费")),
            ),
        ),
        "areas": (
            _("各区域"),
            (
                Output(key="area", name=_("区域")), Output(key="need", name=_("需求量")), Output(key="met", name=_("满足")),
                Output(key="share", name=_("满足比例"), unit="%"),
            ),
        ),
    },
    notes={
        "not_proved": _("限定时间内没有证明这是最优解；与最优至多相差如上。"),
        "no_need": _("需求为零的区域不受底线约束。"),
    },
    limits=(
        _("需求和每份满足的量按填写的数，不考虑不确定性。"),
        _("同一区域各措施的效果相加，超出需求的部分不计；措施之间没有互相影响。"),
        _("只看一期：不含运行费用和分年投入。"),
    ),
    validation=_("整数规划由 HiGHS 求解；小规模题目与逐一枚举的结果完全一致（自动测试）。"),
    work="chengyun.govern.whatif.work.allocation:work",
    example={
        "budget": 500.0, "floor": 40.0,
        "areas": [{"area": "海曙区", "need": 900}, {"area": "江北区", "need": 500}, {"area": "镇海区", "need": 450}],
        "measures": [
            {"area": "海曙区", "measure": "助餐点", "cost": 60, "serves": 150, "most": 5},
            {"area": "海曙区", "measure": "日间照料", "cost": 140, "serves": 320, "most": 2},
            {"area": "江北区", "measure": "助餐点", "cost": 70, "serves": 120, "most": 4},
            {"area": "镇海区", "measure": "助餐点", "cost": 85, "serves": 110, "most": 4},
        ],
    },
)  # fmt: skip
