# SPDX-License-Identifier: Apache-2.0
"""What authorities stated of the things of base registers, which keys mean one thing, and which records were compared.

    Load ──< Statement       one authority, one key, the days it holds for, and when we knew it: two times, neither overlapping
    Decision ──< Link        two keys are one thing, or one thing went over into another; a person decided, and can take it back
    MatchRun ──< Candidate   two records that may be of one thing, with what speaks for and against it
    Season                   a series with its season taken out

The row of a pack's register is what follows from the statements for today. Only services.py writes here.
"""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, DateTimeRangeField, RangeOperators
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Days(models.Func):
    function = "DATERANGE"
    output_field = DateRangeField()


class Instants(models.Func):
    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Load(models.Model):
    """One file, form or synthesis by which an authority stated things. digest: of the file's content, "" without one."""

    dataset = models.CharField(_("信息资源"), max_length=130)
    feed = models.CharField(_("接入"), max_length=130)
    authority = models.CharField(_("来源部门"), max_length=63)
    name = models.CharField(_("文件"), max_length=200, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    actor = models.CharField(_("操作人"), max_length=150)
    received_at = models.DateTimeField(_("收到"))
    stated = models.BigIntegerField(_("新增陈述"), default=0)
    unchanged = models.BigIntegerField(_("未变"), default=0)
    refused = models.BigIntegerField(_("拒收"), default=0)

    class Meta:
        verbose_name = _("装载")
        ordering = ["-received_at", "-id"]


class Refusal(models.Model):
    """A statement that was not taken in, kept with the reason."""

    load = models.ForeignKey(Load, models.CASCADE, related_name="refusals")
    key = models.CharField(max_length=64)
    line = models.BigIntegerField(default=0)
    code = models.CharField(max_length=40)
    reason = models.CharField(max_length=500)


class Statement(models.Model):
    """What one authority says of one key for the days from valid_from up to valid_to, as known from received_at to known_until.

    Never changed but for known_until: a correction is another statement. values: field → value, JSON as Django writes it.
    """

    dataset = models.CharField(max_length=130)
    key = models.CharField(max_length=64)
    authority = models.CharField(max_length=63)
    values = models.JSONField(encoder=DjangoJSONEncoder)
    valid_from = models.DateField(null=True)
    """None: since when is not known."""
    valid_to = models.DateField(null=True)
    """The first day on which it no longer holds."""
    received_at = models.DateTimeField()
    known_until = models.DateTimeField(null=True)
    """When a later statement, or a person, took its place; None: it is what the authority says now."""
    load = models.ForeignKey(Load, models.PROTECT, related_name="statements")
    line = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="registers_statement_days_in_order",
                condition=models.Q(valid_from=None) | models.Q(valid_to=None) | models.Q(valid_to__gt=models.F("valid_from")),
            ),
            ExclusionConstraint(
                name="registers_statement_one_at_a_time",
                expressions=[
                    ("key", RangeOperators.EQUAL),
                    ("dataset", RangeOperators.EQUAL),
                    ("authority", RangeOperators.EQUAL),
                    (Days("valid_from", "valid_to"), RangeOperators.OVERLAPS),
                    (Instants("received_at", "known_until"), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes = [
            models.Index(fields=["dataset", "key"], name="registers_statement_thing"),
            models.Index(
                fields=["dataset", "valid_from"], name="registers_statement_begins", condition=models.Q(known_until=None)
            ),
            models.Index(fields=["dataset", "valid_to"], name="registers_statement_ends", condition=models.Q(known_until=None)),
        ]


class Decision(models.Model):
    """What a person decided about identities, with the reason; undone, it stays with who undid it."""

    class Kind(models.TextChoices):
        MERGE = "merge", _("合并")
        SPLIT = "split", _("拆分")
        SUCCEED = "succeed", _("承继")
        APART = "apart", _("不是同一对象")

    dataset = models.CharField(_("信息资源"), max_length=130)
    kind = models.CharField(_("种类"), max_length=8, choices=Kind)
    keys = models.JSONField(_("编码"), default=list)
    because = models.CharField(_("理由"), max_length=500)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    actor = models.CharField(_("决定人"), max_length=150)
    at = models.DateTimeField(_("时间"))
    undone_at = models.DateTimeField(_("撤销"), null=True)
    undone_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        verbose_name = _("身份决定")
        ordering = ["-at", "-id"]


class Link(models.Model):
    """old_key leads to new_key: the same thing under another key (on None), or its successor from a day on."""

    dataset = models.CharField(max_length=130)
    old_key = models.CharField(max_length=64)
    new_key = models.CharField(max_length=64)
    on = models.DateField(null=True)
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="links")
    known_from = models.DateTimeField()
    known_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="registers_link_leads_elsewhere", condition=~models.Q(old_key=models.F("new_key"))),
            # A key means one thing: two live merges of one key would make it mean two.
            models.UniqueConstraint(
                name="registers_link_one_meaning", fields=["dataset", "old_key"],
                condition=models.Q(on=None, known_until=None),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["dataset", "old_key"], name="registers_link_old"),
            models.Index(fields=["dataset", "new_key"], name="registers_link_new"),
        ]


class Season(models.Model):
    """A series with its season taken out. of: digest of the figures it was made from; of others it says nothing (seasons.py)."""

    dataset = models.CharField(max_length=130)
    key = models.CharField(max_length=200)
    of = models.CharField(max_length=64)
    values = ArrayField(models.FloatField())
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["dataset", "key"]
        constraints = [models.UniqueConstraint(fields=["dataset", "key"], name="registers_season_once")]

    def __str__(self) -> str:
        return f"{self.dataset} {self.key}"


class MatchRun(models.Model):
    """One comparison of two sets of records. model: the weights as learnt, so that a score can be worked out again.

    failed: why it came to nothing, "" where it did not.
    """

    class Failed(models.TextChoices):
        NOTHING = "nothing_to_compare", _("没有可比的记录")
        UNLIKE = "not_comparable", _("两边没有都登记的名称或号码，无从比对")
        FEW = "too_few_to_learn", _("号码相同或名称与日期都相同的太少，学不出怎样算像")
        OTHER = "failed", _("没有做完，原因见运行日志")

    dataset = models.CharField(_("信息资源"), max_length=130)
    left = models.CharField(_("甲方"), max_length=100)
    right = models.CharField(_("乙方"), max_length=100)
    actor = models.CharField(_("操作人"), max_length=150)
    at = models.DateTimeField(_("时间"))
    threshold = models.FloatField(_("自动采纳"))
    review_from = models.FloatField(_("人工复核"))
    compared = models.BigIntegerField(default=0)
    matched = models.BigIntegerField(default=0)
    model = models.JSONField(default=dict)
    failed = models.CharField(_("未完成"), max_length=20, choices=Failed, blank=True, default="")

    class Meta:
        verbose_name = _("比对")
        ordering = ["-at", "-id"]


class Candidate(models.Model):
    """Two records of a run. weight: bits of evidence that they are of one thing: about the records, never about a person."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("自动采纳")
        WAITING = "waiting", _("待复核")
        SAME = "same", _("确认同一")
        APART = "apart", _("确认不同")

    run = models.ForeignKey(MatchRun, models.CASCADE, related_name="candidates")
    left_key = models.CharField(max_length=64)
    right_key = models.CharField(max_length=64)
    weight = models.FloatField(_("匹配权重"))
    probability = models.FloatField(_("概率"))
    steps = models.JSONField(default=list)
    """What each comparison adds: [{"field", "level", "bits"}]; it holds no value of the records."""
    state = models.CharField(_("状态"), max_length=8, choices=State)
    decision = models.ForeignKey(Decision, models.SET_NULL, null=True, related_name="candidates")

    class Meta:
        ordering = ["-weight", "id"]
        constraints = [
            models.UniqueConstraint(name="registers_candidate_once", fields=["run", "left_key", "right_key"]),
        ]
        indexes = [models.Index(fields=["state", "-weight"], name="registers_candidate_queue")]
