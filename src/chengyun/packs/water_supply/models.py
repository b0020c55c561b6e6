# SPDX-License-Identifier: Apache-2.0
"""The registers: what a network is made of."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Asset(Register):
    """A tank, pump, valve or point where pressure is measured."""

    class Kind(models.TextChoices):
        """What it is."""

        TANK = "tank", "水箱"
        PUMP = "pump", "水泵"
        VALVE = "valve", "阀门"
        JUNCTION = "junction", "节点"

    kind = models.CharField("类型", max_length=12, choices=Kind.choices, blank=True, default="")
    elevation_m = models.FloatField("高程（m）", null=True, blank=True)

    class Meta(Register.Meta):
        verbose_name = "供水设施"


@tracked
class Network(Register):
    """A network that is measured as one."""

    class Meta(Register.Meta):
        verbose_name = "管网"
