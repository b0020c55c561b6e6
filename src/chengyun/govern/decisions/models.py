# SPDX-License-Identifier: Apache-2.0
"""Decisions, what spoke for them, what was expected of them, and what was found afterwards.

Decision ──< Evidence       draft → decided → under review → evaluated; every version is kept
    └────< Expectation ──< Evaluation     an expectation is fixed when the decision is taken, its judgements only come to it
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chengyun.access.models import Organisation
from chengyun.city.models import tracked


@tracked
class Decision(models.Model):
    """A question that was to be decided.

    options: [{"name", "says"}] as considered. chosen: the name of one. decider: the post or meeting that decides. starts_on: the
    first day it holds; review_on: when to look whether it worked. unmeasured: why no measurable effect is expected, if none is.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("草拟")
        DECIDED = "decided", _("已决定")
        REVIEW = "review", _("复核中")
        EVALUATED = "evaluated", _("已评估")

    question = models.CharField(_("要决定什么"), max_length=200)
    background = models.TextField(_("背景"), blank=True, default="")
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="", db_index=True)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("牵头部门")
    )
    options = models.JSONField(_("方案"), default=list)
    decider = models.CharField(_("由谁决定"), max_length=100)
    decide_by = models.DateField(_("何时前决定"), null=True, blank=True)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    chosen = models.CharField(_("决定"), max_length=200, blank=True, default="")
    reason = models.TextField(_("理由"), blank=True, default="")
    unmeasured = models.TextField(_("不作衡量的原因"), blank=True, default="")
    starts_on = models.DateField(_("起始日"), null=True, blank=True)
    review_on = models.DateField(_("复核日"), null=True, blank=True)
    decided_at = models.DateTimeField(_("决定于"), null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    conclusion = models.TextField(_("结论"), blank=True, default="")
    evaluated_at = models.DateTimeField(_("评估于"), null=True)
    evaluated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(_("建立于"), db_default=Now())
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("决策")

    def __str__(self) -> str:
        return self.question


class Evidence(models.Model):
    """What a decision rests on. Only ever added.

    reference: id of an alert, figure or what-if run, number of a case, title or address of a document. as_of: when it was added
    and what it said then: of a figure its value, period and version.
    """

    class Kind(models.TextChoices):
        ALERT = "alert", _("预警")
        CASE = "case", _("案件")
        FIGURE = "figure", _("指标值")
        RUN = "run", _("推演")
        DOCUMENT = "document", _("文件")

    decision = models.ForeignKey(Decision, models.CASCADE, related_name="evidence")
    kind = models.CharField(_("类别"), max_length=10, choices=Kind)
    reference = models.CharField(_("编号或名称"), max_length=300)
    note = models.CharField(_("说明"), max_length=300, blank=True, default="")
    as_of = models.JSONField(_("数据截至"), default=dict)
    at = models.DateTimeField(_("加入于"), db_default=Now())
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["kind", "reference"], name="decisions_evidence_of")]
        constraints = [models.UniqueConstraint(fields=["decision", "kind", "reference"], name="decisions_evidence_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


@tracked
class Expectation(models.Model):
    """What a decision is to change: which indicator, which way, by how much, where, compared with whom, judged how.

    size: at least so much, in the indicator's unit; None: any change that way. treated, others: subjects of the indicator; no
    others: every other subject of the same kind. since: first day of the time before. by: last day that counts.
    """

    class Method(models.TextChoices):
        DIFFERENCES = "differences", _("双重差分")
        SYNTHETIC = "synthetic", _("合成控制")

    class Direction(models.TextChoices):
        FALL = "fall", _("下降")
        RISE = "rise", _("上升")

    decision = models.ForeignKey(Decision, models.CASCADE, related_name="expectations")
    indicator = models.CharField(_("指标"), max_length=130)
    direction = models.CharField(_("方向"), max_length=4, choices=Direction)
    size = models.FloatField(_("幅度"), null=True, blank=True)
    since = models.DateField(_("对比期起"))
    by = models.DateField(_("见效期限"))
    treated = models.JSONField(_("实施区域"))
    others = models.JSONField(_("对照区域"), default=list)
    method = models.CharField(_("方法"), max_length=12, choices=Method, default=Method.DIFFERENCES)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.indicator} {self.direction}"


class Evaluation(models.Model):
    """One look whether an expectation came true. Written once when asked for and once when done.

    as_of: "figure": newest figure that counted; "digest", "rows": of the panel; "until": last day that counted. result: a
    Judgement, plain. reason: why it could not be done.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("排队中")
        DONE = "done", _("完成")
        FAILED = "failed", _("未完成")

    expectation = models.ForeignKey(Expectation, models.CASCADE, related_name="evaluations")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    seed = models.BigIntegerField()
    edition = models.CharField(max_length=16, blank=True, default="")
    asked_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)
    as_of = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.expectation} {self.asked_at:%Y-%m-%d}"
