# SPDX-License-Identifier: Apache-2.0
"""Targets as a plan prints them, and what was reached."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


@tracked
class Target(models.Model):
    """One number of a plan, as printed.

    value: as printed; low, high: the same as numbers, equal unless it is a range; None for what is no number (a date).
    by: last day of the year, or of the last year of the span, it is to be reached in; None where the plan names none.
    document, section: where it stands. indicator, subject: whose figures it is measured by, "" where nobody has said.
    withdrawn_at: since when it is no longer in the list it was loaded from; never deleted.
    """

    class Kind(models.TextChoices):
        TARGET = "target", _("目标")
        BASELINE = "baseline", _("基数")
        RULE = "rule", _("规则")

    key = models.SlugField(_("标识"), max_length=64, unique=True)
    name = models.CharField(_("名称"), max_length=200)
    name_en = models.CharField(_("英文名称"), max_length=200, blank=True, default="")
    kind = models.CharField(_("类别"), max_length=10, choices=Kind)
    value = models.CharField(_("数值"), max_length=40)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    comparator = models.CharField(_("关系"), max_length=2)
    unit = models.CharField(_("单位"), max_length=40, blank=True, default="")
    year = models.CharField(_("年份"), max_length=12, blank=True, default="")
    by = models.DateField(_("期限"), null=True, blank=True)
    place = models.CharField(_("范围"), max_length=64, blank=True, default="")
    document = models.CharField(_("文件"), max_length=120)
    section = models.CharField(_("章节"), max_length=120, blank=True, default="")
    indicator = models.CharField(_("指标"), max_length=130, blank=True, default="")
    subject = models.CharField(_("对象"), max_length=64, blank=True, default="")
    withdrawn_at = models.DateTimeField(_("撤下时间"), null=True, blank=True)

    class Meta:
        ordering = ["document", "id"]
        verbose_name = verbose_name_plural = _("规划目标")

    def __str__(self) -> str:
        return self.name


class Reported(models.Model):
    """What somebody reported of a target. Never changed: a correction is a later row for the same day."""

    target = models.ForeignKey(Target, models.PROTECT, related_name="reported")
    day = models.DateField(_("截至"))
    value = models.FloatField(_("数值"))
    source = models.CharField(_("来源"), max_length=200)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("填报时间"))

    class Meta:
        ordering = ["day", "id"]
        verbose_name = verbose_name_plural = _("完成情况")

    def __str__(self) -> str:
        return f"{self.day} {self.value:g}"
