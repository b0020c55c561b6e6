# SPDX-License-Identifier: Apache-2.0
"""How good data was, day by day, and what was found wrong.

    DueDay      a local day of a stream that has new rows and is to be judged (again); noted by a trigger on lake_touched
    Score       how many of what a rule looked at were as they must be, of a dataset and a day
    Finding ──< Repair     what failed, of one subject and one day; where the mistake is recognised, an offer to repair it

Only services.py writes here.
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _


class DueDay(models.Model):
    """mark rises with every touch, so that one that comes while the day is judged is not lost.

    failures: how often in a row it could not be judged: it waits behind those that were never tried.
    """

    stream = models.CharField(max_length=130)
    day = models.DateField()
    mark = models.BigIntegerField(db_default=0)
    failures = models.IntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "day"], name="quality_dueday_once")]


class Score(models.Model):
    """One rule's result. checked: 0: it does not apply, which is neither good nor bad. error: why it could not be run."""

    dataset = models.CharField(_("信息资源"), max_length=130)
    day = models.DateField(_("日期"))
    rule = models.CharField(_("规则"), max_length=130)
    dimension = models.CharField(_("维度"), max_length=16)
    weight = models.FloatField(default=1.0)
    checked = models.BigIntegerField(_("检查"))
    failed = models.BigIntegerField(_("不符合"))
    error = models.CharField(max_length=500, blank=True, default="")
    computed_at = models.DateTimeField(_("计算时间"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "day", "rule"], name="quality_score_once")]
        indexes = [models.Index(fields=["day"], name="quality_score_day")]


class Finding(models.Model):
    """What failed. offer: the mistake that was recognised, "" for none; terms: what its repair needs."""

    class State(models.TextChoices):
        OPEN = "open", _("待处理")
        REPAIRED = "repaired", _("已修正")
        DISMISSED = "dismissed", _("已忽略")

    class Offer(models.TextChoices):
        NONE = "", ""
        FACTOR = "factor", _("单位差一千倍")
        FAHRENHEIT = "fahrenheit", _("华氏度当作摄氏度")
        SWAPPED = "swapped", _("经纬度颠倒")
        GCJ02 = "gcj02", _("GCJ-02 坐标当作 WGS-84")

    dataset = models.CharField(_("信息资源"), max_length=130)
    rule = models.CharField(_("规则"), max_length=130)
    dimension = models.CharField(_("维度"), max_length=16)
    subject = models.CharField(_("对象"), max_length=64)
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="")
    day = models.DateField(_("日期"))
    field = models.CharField(max_length=63, blank=True, default="")
    count = models.BigIntegerField(_("行数"))
    said = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """Numbers that a sentence about it needs."""
    offer = models.CharField(max_length=16, choices=Offer, blank=True, default="")
    terms = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(_("发现"))
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "rule", "subject", "day", "field"], name="quality_finding_once"),
        ]
        indexes = [models.Index(fields=["dataset", "-day"], name="quality_finding_recent")]


class Repair(models.Model):
    """One repair, with what was there before, so that it can be undone; never changed but for being undone."""

    finding = models.ForeignKey(Finding, models.CASCADE, related_name="repairs")
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    before = models.JSONField(encoder=DjangoJSONEncoder)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        triggers = [pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)]
