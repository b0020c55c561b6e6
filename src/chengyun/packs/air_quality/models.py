# SPDX-License-Identifier: Apache-2.0
"""The registers: monitoring stations, and the cities whose daily reports are kept for comparison."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Station(Register):
    """A place where air is measured."""

    class Kind(models.TextChoices):
        """Who runs the station; only national ones enter a city's official figures (HJ 663-2013, 4.1)."""

        NATIONAL = "national", "国控"
        PROVINCIAL = "provincial", "省控"
        MUNICIPAL = "municipal", "市控"
        MICRO = "micro", "微站"

    kind = models.CharField("级别", max_length=12, choices=Kind.choices, default=Kind.NATIONAL)
    code = models.CharField("国家站点编码", max_length=16, blank=True, default="", help_text="如 1234A；未知时为空")
    city_name = models.CharField("所在城市", max_length=40, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "空气质量监测站"


@tracked
class City(Register):
    """A city that publishes a daily report of its air; its key is its name without the suffix for "city"."""

    class Meta(Register.Meta):
        verbose_name = "发布城市"
