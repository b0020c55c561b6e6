# SPDX-License-Identifier: Apache-2.0
"""The registers of official statistics: what is counted, and every figure of every edition."""

from __future__ import annotations

from django.db import models

from chengyun.city.models import Register, tracked


@tracked
class Series(Register):
    """One indicator of one area, in one unit and scope, at one frequency."""

    class Frequency(models.TextChoices):
        YEAR = "A", "年"
        QUARTER = "Q", "季"
        MONTH = "M", "月"

    indicator = models.CharField("指标", max_length=100, blank=True, default="", db_index=True)
    area_name = models.CharField("地区", max_length=60, blank=True, default="")
    unit = models.CharField("单位", max_length=30, blank=True, default="")
    frequency = models.CharField("频率", max_length=1, choices=Frequency, default=Frequency.YEAR)
    scope = models.CharField("口径", max_length=200, blank=True, default="")
    publisher = models.CharField("发布机构", max_length=100, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "统计序列"


@tracked
class Figure(Register):
    """One figure of a series: of one period, as one edition has it. A revision is another row."""

    series = models.CharField("统计序列", max_length=64, db_index=True, blank=True, default="")
    period = models.CharField("时期", max_length=7, blank=True, default="")
    """2024, 2024Q1 or 2024-03."""
    edition = models.DateField("公布日期", null=True, blank=True)
    value = models.DecimalField("数值", max_digits=20, decimal_places=4, null=True, blank=True)
    note = models.CharField("备注", max_length=200, blank=True, default="")

    class Meta(Register.Meta):
        verbose_name = "统计数值"
