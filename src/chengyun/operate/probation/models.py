# SPDX-License-Identifier: Apache-2.0
"""Rules as files, and how far each is trusted.

    FiledRule ──< RuleStep      its history: who moved it from which state to which, on which back-test
        ├──< BackTest           what it would have said over a year
        └──< Sighting           what it says while it is on probation: counted, told to nobody
    Measured                    how each rule, filed or declared, stood against its budget when it was last looked at

The ingest process reads the rules and writes the sightings with SQL of its own (standing.py, operate/alert_store.py).
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class FiledRule(models.Model):
    """A rule written in a file. declared: a pack's own rule, of which the file says only by what it is measured.

    owner: None where nobody filed it: a pack's rule that was over the budget its pack declares.
    text: the file as it was. version: of the text. dataset: what it watches. asked_*: a step that waits for a second person.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        TESTED = "tested", _("已回测")
        PROBATION = "probation", _("试运行")
        LIVE = "live", _("正式")
        DEMOTED = "demoted", _("已降级")
        WITHDRAWN = "withdrawn", _("已撤下")

    key = models.CharField(_("规则"), max_length=130, unique=True)
    name = models.CharField(_("名称"), max_length=200)
    dataset = models.CharField(_("监测对象"), max_length=130)
    declared = models.BooleanField(default=False)
    text = models.TextField(_("规则文件"))
    version = models.CharField(_("版本"), max_length=12)
    state = models.CharField(_("状态"), max_length=9, choices=State, default=State.DRAFT)
    state_since = models.DateTimeField(_("状态自"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("负责人"))
    changed_at = models.DateTimeField(_("修改时间"))
    asked_for = models.CharField(max_length=9, blank=True, default="")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key"]
        indexes = [models.Index(fields=["dataset", "state"], name="probation_rule_judged")]

    def __str__(self) -> str:
        return self.name


class BackTest(models.Model):
    """What a version of a rule would have said. False alarms and misses are None where nothing is known to measure them by."""

    class State(models.TextChoices):
        WAITING = "waiting", _("等待")
        RUNNING = "running", _("进行中")
        DONE = "done", _("完成")
        FAILED = "failed", _("失败")

    rule = models.ForeignKey(FiledRule, models.CASCADE, related_name="backtests")
    version = models.CharField(_("版本"), max_length=12)
    since = models.DateTimeField(_("自"))
    until = models.DateTimeField(_("至"))
    against = models.CharField(_("对照"), max_length=16, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    rows = models.BigIntegerField(_("行数"), null=True)
    entities = models.IntegerField(_("对象数"), null=True)
    alerts = models.IntegerField(_("预警数"), null=True)
    true_alerts = models.IntegerField(_("属实"), null=True)
    false_alarms = models.IntegerField(_("误报"), null=True)
    truths = models.IntegerField(_("实有"), null=True)
    found = models.IntegerField(_("发现"), null=True)
    worst_span = models.IntegerField(_("一个周期内最多误报"), null=True)
    cost_fen = models.BigIntegerField(null=True)
    inside_budget = models.BooleanField(null=True)
    by_month = models.JSONField(default=list)
    examples = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    as_of = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-id"]


class RuleStep(models.Model):
    """A step of a rule; never changed."""

    rule = models.ForeignKey(FiledRule, models.PROTECT, related_name="steps")
    before = models.CharField(max_length=9, blank=True)
    after = models.CharField(max_length=9)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    """Name of the person; "system": the rule was over its budget."""
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    version = models.CharField(max_length=12)
    text = models.TextField(blank=True, default="")
    """The file as of this step, where the step changed it."""
    backtest = models.ForeignKey(BackTest, models.PROTECT, null=True)
    note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-id"]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]


class Sighting(models.Model):
    """What a rule on probation would have raised; one open at a time for a rule and a subject."""

    rule = models.CharField(max_length=130)
    subject = models.CharField(max_length=64)
    subject_name = models.CharField(max_length=200)
    area_code = models.CharField(max_length=12, blank=True, db_default="")
    holds = models.BooleanField(db_default=True)
    value = models.FloatField(null=True)
    worst = models.FloatField(null=True)
    limit = models.FloatField(null=True)
    times = models.IntegerField(db_default=1)
    since = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    simulated = models.BooleanField(db_default=False)
    evidence = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "subject"], condition=Q(holds=True), name="probation_sighting_one_open")
        ]
        indexes = [models.Index(fields=["rule", "-opened_at"], name="probation_sighting_recent")]


class Measured(models.Model):
    """How a rule stood against its budget when the budgets were last looked at; written anew every ten minutes.

    by: what its alerts were measured by: `planted` in a made-up city, `cases` for what a pack declares; `truth`, `cases`,
    `cases+truth` as a file says; "" for nothing, when every alert counts. alerts: that could be judged since. worst: most false
    alarms in any per_days days; allowed: by the budget.
    """

    rule = models.CharField(max_length=130)
    by = models.CharField(max_length=16, blank=True)
    at = models.DateTimeField()
    since = models.DateTimeField()
    alerts = models.IntegerField()
    false_alarms = models.IntegerField(null=True)
    worst = models.IntegerField()
    allowed = models.IntegerField()
    per_days = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "by"], name="probation_measured_once")]

    @property
    def over(self) -> bool:
        return self.worst > self.allowed
