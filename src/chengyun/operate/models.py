# SPDX-License-Identifier: Apache-2.0
"""Figures, what made them, and alerts.

    Formula ──< Figure        a figure names the version of the formula that made it
    DueWindow                 what must be computed (again)
    IndicatorRun              what was computed, or why it could not be
    Alert ──< AlertEvent      open → acknowledged → closed; the events are its history
    RuleState                 what a rule must remember that no open alert says

The ingest process writes alerts with SQL of its own (alert_store.py): every column here has a database default or is
given there.
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Formula(models.Model):
    """A version of an indicator as it was written, kept so that an old figure can show what made it."""

    indicator = models.CharField(_("指标"), max_length=130)
    version = models.CharField(_("版本"), max_length=16)
    text = models.JSONField(_("公式"))
    first_used_at = models.DateTimeField(_("启用"), db_default=Now())

    class Meta:
        ordering = ["indicator", "id"]
        constraints = [models.UniqueConstraint(fields=["indicator", "version"], name="operate_formula_once")]

    def __str__(self) -> str:
        return f"{self.indicator} {self.version}"


class Figure(models.Model):
    """The value of an indicator for a subject and a period. A row is never changed, only succeeded.

    value: None when the formula found no valid value, which is not zero. detail: the formula's other columns, decimals as
    text. as_of: stream → seq, and "figures" → id, the state of the inputs it was computed from.
    superseded_at: None: this is the current one. until_id: it was current for readers of figures up to this id, exclusive.
    """

    indicator = models.CharField(_("指标"), max_length=130)
    subject = models.CharField(_("对象"), max_length=64)
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    period_start = models.DateTimeField(_("时段起"))
    value = models.FloatField(_("数值"), null=True)
    detail = models.JSONField(_("明细"), encoder=DjangoJSONEncoder)
    coverage = models.FloatField(_("覆盖率"), null=True)
    quality = models.JSONField(_("质量"))
    simulated = models.BooleanField(_("模拟"))
    as_of = models.JSONField(_("数据截至"))
    version = models.CharField(_("公式版本"), max_length=16)
    computed_at = models.DateTimeField(_("计算时间"))
    superseded_at = models.DateTimeField(_("被取代时间"), null=True)
    until_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("指标值")
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "subject", "period_start"],
                condition=Q(superseded_at__isnull=True),
                name="operate_figure_one_current",
            )
        ]
        indexes = [
            models.Index(
                fields=["indicator", "period_start"], condition=Q(superseded_at__isnull=True), name="operate_figure_period"
            ),
            models.Index(
                fields=["indicator", "period_start"], condition=Q(superseded_at__isnull=False), name="operate_figure_former"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.subject} {self.period_start:%Y-%m-%d %H:%M}"


class DueWindow(models.Model):
    """A window of an indicator that new data touched. mark rises with every touch, so one that comes while the window is
    being computed is not lost."""

    indicator = models.CharField(max_length=130)
    start = models.DateField()
    """Local first day: of the day (hour and day indicators), the month or the year."""
    mark = models.BigIntegerField()
    attempts = models.IntegerField(db_default=0)
    not_before = models.DateTimeField(null=True)
    """After a failure: when to try again. None: at once."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["indicator", "start"], name="operate_duewindow_once")]


class IndicatorRun(models.Model):
    """One evaluation of an indicator over a range of windows."""

    indicator = models.CharField(_("指标"), max_length=130)
    since = models.DateTimeField(_("自"))
    until = models.DateTimeField(_("至"))
    started_at = models.DateTimeField(_("开始"))
    duration_s = models.FloatField(_("耗时"))
    rows = models.IntegerField(_("行数"))
    changed = models.IntegerField(_("变化"))
    error = models.TextField(_("错误"), blank=True)

    class Meta:
        indexes = [models.Index(fields=["indicator", "-started_at"], name="operate_run_recent")]


class Alert(models.Model):
    """A statement that something needs attention, one at a time for a rule and a subject.

    holds: whether the condition is true now; a person may close an alert that still holds, and an acknowledged alert
    with an open case outlives its condition. since, last_seen_at: phenomenon time; opened_at: when it was noticed.
    """

    class State(models.TextChoices):
        OPEN = "open", _("待确认")
        ACKNOWLEDGED = "acknowledged", _("已确认")
        CLOSED = "closed", _("已关闭")

    rule = models.CharField(_("规则"), max_length=130)
    dataset = models.CharField(_("信息资源"), max_length=130)
    subject = models.CharField(_("对象"), max_length=64)
    subject_name = models.CharField(_("对象名称"), max_length=200)
    area_code = models.CharField(_("区域"), max_length=12, blank=True, db_default="")
    severity = models.CharField(_("级别"), max_length=8)
    state = models.CharField(_("状态"), max_length=12, choices=State, db_default=State.OPEN)
    holds = models.BooleanField(_("条件成立"), db_default=True)
    value = models.FloatField(_("数值"), null=True)
    worst = models.FloatField(_("极值"), null=True)
    limit = models.FloatField(_("限值"), null=True)
    times = models.IntegerField(_("次数"), db_default=1)
    since = models.DateTimeField(_("自"))
    last_seen_at = models.DateTimeField(_("最近"))
    opened_at = models.DateTimeField(_("发现"))
    acknowledged_at = models.DateTimeField(_("确认"), null=True)
    cleared_at = models.DateTimeField(_("条件解除"), null=True)
    closed_at = models.DateTimeField(_("关闭"), null=True)
    closed_because = models.CharField(_("关闭原因"), max_length=300, blank=True, db_default="")
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("确认人")
    )
    in_case = models.BooleanField(_("已立案"), db_default=False)
    simulated = models.BooleanField(_("模拟"), db_default=False)
    group_key = models.CharField(_("分组"), max_length=200, blank=True, db_default="")
    evidence = models.JSONField(_("依据"), encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = verbose_name_plural = _("预警")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject"], condition=~Q(state="closed"), name="operate_alert_one_open"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="operate_alert_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["-opened_at"], name="operate_alert_recent"),
            models.Index(fields=["rule", "subject", "-opened_at"], name="operate_alert_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}"


class AlertEvent(models.Model):
    """One thing that happened to an alert; never changed."""

    class Kind(models.TextChoices):
        RAISED = "raised", _("产生")
        RETURNED = "returned", _("再次成立")
        ACKNOWLEDGED = "acknowledged", _("确认")
        LAPSED = "lapsed", _("确认后未处理，重新待确认")
        CLEARED = "cleared", _("条件解除")
        CASE_OPENED = "case_opened", _("立案")
        CASE_ENDED = "case_ended", _("结案")
        CLOSED = "closed", _("关闭")

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150, blank=True, db_default="")
    """Name of the person; empty: the rule itself."""
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    value = models.FloatField(null=True)
    note = models.CharField(max_length=500, blank=True, db_default="")

    class Meta:
        ordering = ["at", "id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class RuleState(models.Model):
    """What a rule must remember about a subject that no open alert says: a run begun, or a condition that a person has
    closed the alert of and that still holds."""

    rule = models.CharField(max_length=130)
    subject = models.CharField(max_length=64)
    holds = models.BooleanField(db_default=False)
    run = models.IntegerField(db_default=0)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="operate_rulestate_once")]
