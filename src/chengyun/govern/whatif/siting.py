# SPDX-License-Identifier: Apache-2.0
"""Where to put so many facilities: nearest on average, or most people within reach, along real roads."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from chengyun.govern.whatif.declared import Column, Input, Model, Output

__all__ = ["SITING"]

SITING = Model(
    key="siting",
    version="1",
    name=_("设施选址"),
    answers=_("新设几处设施放在哪里，让人走的路最短，或让最多的人在规定距离之内"),
    inputs=(
        Input(key="network", name=_("路网"), kind="network"),
        Input(key="mode", name=_("怎么去"), kind="choice", choices={"walk": _("步行"), "drive": _("驾车")}, default="walk"),
        Input(
            key="goal", name=_("目标"), kind="choice",
            choices={"median": _("平均路程最短（p-中位）"), "cover": _("覆盖最多的人（最大覆盖）")}, default="cover",
        ),
        Input(key="count", name=_("新设几处"), kind="whole", low=1, high=50),
        Input(key="reach_m", name=_("服务距离"), unit=_("米"), low=50, high=50_000, default=1000.0),
        Input(
            key="demand", name=_("需求点"), kind="table", rows=1500,
            columns=(
                Column(key="name", name=_("名称")),
                Column(key="lon", name=_("经度"), kind="number", low=-180, high=180),
                Column(key="lat", name=_("纬度"), kind="number", low=-90, high=90),
                Column(key="weight", name=_("人数"), kind="number", low=0, high=1e8, optional=True, default=1.0),
            ),
            help=_("坐标为 WGS-84（或 CGCS2000）经纬度。"),
        ),
        Input(
            key="sites", name=_("候选点"), kind="table", rows=300,
            columns=(
                Column(key="name", name=_("名称")),
                Column(key="lon", name=_("经度"), kind="number", low=-180, high=180),
                Column(key="lat", name=_("纬度"), kind="number", low=-90, high=90),
                Column(key="existing", name=_("已有（1 为已有）"), kind="whole", low=0, high=1, optional=True, default=0),
            ),
            help=_("已有的设施一并列出，它们保留，不占新设的数目。"),
        ),
    ),
    figures=(
        Output(key="covered", name=_("服务距离内的人")),
        Output(key="share", name=_("占全部"), unit="%"),
        Output(key="mean_m", name=_("平均路程"), unit=_("米")),
        Output(key="farthest_m", name=_("最远的人"), unit=_("米")),
        Output(key="before_share", name=_("现在服务距离内的人占"), unit="%"),
        Output(key="detour", name=_("路程与直线距离之比")),
        Output(key="unreached", name=_("没有路可到的人")),
        Output(key="gap", name=_("与理论最优至多相差"), unit="%"),
    ),
    tables={
        "sites": (
            _("选中的点"),
            (
                Output(key="name", name=_("名称")), Output(key="state", name=_("已有或新设")),
                Output(key="people", name=_("就近的人")),
                Output(key="within", name=_("其中服务距离内")), Output(key="mean_m", name=_("平均路程"), unit=_("米")),
            ),
        ),
        "demand": (
            _("路程最远的需求点"),
            (
                Output(key="name", name=_("名称")), Output(key="weight", name=_("人数")), Output(key="site", name=_("就近的点")),
                Output(key="metres", name=_("路程"), unit=_("米")),
            ),
        ),
    },
    notes={
        "not_proved": _("限定时间内没有证明这是最优解；与最优至多相差如上。"),
        "unreached": _("有需求点沿路网到不了任何候选点，它们不计入平均路程。"),
        "all": _("候选点不多于要设的数目，全部选中。"),
    },
    limits=(
        _("只看路程，不看设施容量、坡度、过街等候和拥堵。"),
        _("点接到 500 米以内最近的路上；更远的点被拒绝，因为路网里没有它们的路。"),
        _("路网是 OpenStreetMap 的快照；没有画出的小路不在内，路程会偏长。"),
        _("驾车按单行线，步行不分方向，也不走高速和快速路。"),
    ),
    validation=_("路网最短路与另一种算法逐点一致，小规模题目与逐一枚举的结果完全一致（自动测试，真实路网）。"),
    work="chengyun.govern.whatif.work.siting:work",
    example={},
)  # fmt: skip
