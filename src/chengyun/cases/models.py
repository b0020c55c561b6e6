# SPDX-License-Identifier: Apache-2.0
"""A case: a unit of work with exactly one owner, a clock, evidence and an end.

    Case ─┬─< CaseEvent    every step, never changed
          ├── CaseClock    how much of the time limit is used
          └─< CaseAlert    the alerts it answers; an alert is in one case at most

Only services.py writes here. The database itself holds what must always be true: an owner, an end exactly when the
clock has ended, a history that cannot be rewritten.
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chengyun.operate.models import Alert


class Case(models.Model):
    """A unit of work. type and state are keys of the declared CaseType.

    ended: whether the state is one in which the clock has ended. evidence: links to what it rests on.
    """

    number = models.CharField(_("编号"), max_length=32, unique=True)
    type = models.CharField(_("类型"), max_length=130)
    state = models.CharField(_("状态"), max_length=63)
    ended = models.BooleanField(_("已结束"), default=False)
    title = models.CharField(_("标题"), max_length=200)
    owner = models.ForeignKey("access.Organisation", models.PROTECT, related_name="cases", verbose_name=_("主办单位"))
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="cases", verbose_name=_("经办人")
    )
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="", db_index=True)
    lon = models.FloatField(_("经度"), null=True, blank=True, help_text="WGS-84")
    lat = models.FloatField(_("纬度"), null=True, blank=True, help_text="WGS-84")
    opened_at = models.DateTimeField(_("立案时间"))
    due_at = models.DateTimeField(_("时限"))
    closed_at = models.DateTimeField(_("结案时间"), null=True, blank=True)
    simulated = models.BooleanField(_("模拟"), default=False)
    evidence = models.JSONField(_("依据"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = verbose_name_plural = _("案件")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended=True, closed_at__isnull=False) | Q(ended=False, closed_at__isnull=True),
                name="cases_case_ended_has_time",
            )
        ]
        indexes = [
            models.Index(fields=["type", "state"], name="cases_case_state"),
            models.Index(fields=["due_at"], condition=Q(ended=False), name="cases_case_due"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @property
    def alert(self) -> Alert | None:
        """The alert that opened it; None when a person did."""
        first = self.case_alerts.select_related("alert").first()
        return first.alert if first else None


class CaseClock(models.Model):
    """The clock of a case: time used while it ran; the rest follows from now."""

    case = models.OneToOneField(Case, models.CASCADE, related_name="clock")
    limit_s = models.BigIntegerField(_("时限（秒）"))
    used_s = models.FloatField(_("已用（秒）"), default=0.0)
    running_since = models.DateTimeField(_("计时自"), null=True)
    """None: paused or ended."""


class CaseEvent(models.Model):
    """One step in a case's history; never changed."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=63)
    """`opened`, `assigned`, `owner_unknown`, `alert_joined`, or `step`."""
    transition = models.CharField(max_length=63, blank=True, default="")
    actor = models.CharField(max_length=150)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True, default="")
    note = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["at", "id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class CaseAlert(models.Model):
    """An alert a case answers."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="case_alerts")
    alert = models.OneToOneField(Alert, models.PROTECT, related_name="case_alert")
    joined_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class CaseNumber(models.Model):
    """The last number given in a year."""

    year = models.IntegerField(primary_key=True)
    last = models.IntegerField()
