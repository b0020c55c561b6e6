# SPDX-License-Identifier: Apache-2.0
"""Requests for data, what became of them, and what is owed after them.

Request ──< Step                what happened, in order
   ├── Grant                    what an approval gave (access.models)
   ├── renews ── Request
   └──< Notice                  who was told of it
Grant ──< Deletion              what was read must be deleted, and somebody must say that it was
Correction ──< Notice           校核反馈: a reader says that a value is wrong
"""

from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chengyun.access.models import Grant, Organisation


class Request(models.Model):
    """What a body asks to read of a dataset, why, and for how long.

    provider: who answers; None: the city's centre. shown: field → clear, pseudonym or masked; empty: all there are, as declared.
    rows_since, rows_until: period of the rows. ends: last day asked for; None only where the system answers by itself.
    due_day: last day to answer; None while it is not running. left_days: working days that were left when it was returned.
    offer: what the provider's steward agreed to, waiting for the second person. agreed_by: that steward.
    escalated_at: when the data bureau was asked to answer in the provider's place.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("草稿")
        SUBMITTED = "submitted", _("待答复")
        RETURNED = "returned", _("退回补正")
        APPROVED = "approved", _("已同意")
        REFUSED = "refused", _("不同意")
        WITHDRAWN = "withdrawn", _("已撤回")
        EXPIRED = "expired", _("已到期")
        RENEWED = "renewed", _("已续期")
        REVOKED = "revoked", _("已撤销")

    number = models.CharField(_("编号"), max_length=16, unique=True)
    dataset = models.CharField(_("信息资源"), max_length=128, db_index=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="requests", verbose_name=_("申请部门"))
    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("申请人"))
    provider = models.ForeignKey(
        Organisation, models.PROTECT, null=True, related_name="asked", verbose_name=_("提供部门")
    )  # fmt: skip
    shown = models.JSONField(_("字段"), default=dict, blank=True)
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="")
    rows_since = models.DateTimeField(_("数据起"), null=True)
    rows_until = models.DateTimeField(_("数据止"), null=True)
    purpose = models.CharField(_("用途"), max_length=32)
    basis = models.CharField(_("依据"), max_length=300)
    note = models.TextField(_("说明"), blank=True, default="")
    frequency = models.PositiveIntegerField(_("每日次数"), null=True)
    retention_days = models.PositiveIntegerField(_("留存天数"), default=0)
    ends = models.DateField(_("授权截止"), null=True)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.DRAFT)
    made_at = models.DateTimeField(db_default=Now())
    submitted_at = models.DateTimeField(_("提交时间"), null=True)
    due_day = models.DateField(_("答复期限"), null=True)
    left_days = models.PositiveSmallIntegerField(null=True)
    escalated_at = models.DateTimeField(null=True)
    offer = models.JSONField(default=dict, blank=True, encoder=DjangoJSONEncoder)
    agreed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(_("答复时间"), null=True)
    answer = models.TextField(_("答复"), blank=True, default="")
    grant = models.OneToOneField(Grant, models.PROTECT, null=True, related_name="answers")
    renews = models.ForeignKey("self", models.PROTECT, null=True, related_name="renewals")

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("共享申请")
        indexes = [models.Index(fields=["state", "due_day"], name="requests_open")]

    def __str__(self) -> str:
        return self.number


class Step(models.Model):
    """One thing that happened to a request. actor is written out: it outlives the account."""

    request = models.ForeignKey(Request, models.CASCADE, related_name="steps")
    at = models.DateTimeField()
    actor = models.CharField(max_length=100)
    account_id = models.BigIntegerField(null=True)
    deed = models.CharField(max_length=16)
    note = models.TextField(blank=True, default="")
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.request_id} {self.deed}"


class Deletion(models.Model):
    """What was read under a grant must be gone by a day. confirmed_by, how: who said that it is, and how it was done."""

    grant = models.OneToOneField(Grant, models.PROTECT, related_name="deletion")
    due_day = models.DateField(_("期限"))
    made_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=100, blank=True, default="")
    how = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["due_day", "id"]

    def __str__(self) -> str:
        return str(self.grant)


class Correction(models.Model):
    """A reader says that a value is wrong. proposed: what it should be, in their view. value: what the source made of it."""

    class State(models.TextChoices):
        OPEN = "open", _("待答复")
        CORRECTED = "corrected", _("已更正")
        UPHELD = "upheld", _("维持原值")

    number = models.CharField(max_length=16, unique=True)
    dataset = models.CharField(_("信息资源"), max_length=128, db_index=True)
    key = models.CharField(_("对象"), max_length=200)
    field = models.CharField(_("字段"), max_length=63)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    provider = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    area_code = models.CharField(max_length=15, blank=True, default="")
    purpose = models.CharField(max_length=32, blank=True, default="")
    proposed = models.CharField(_("应为"), max_length=300, blank=True, default="")
    said = models.TextField(_("理由"))
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.OPEN)
    at = models.DateTimeField(db_default=Now())
    due_day = models.DateField(_("答复期限"))
    escalated_at = models.DateTimeField(null=True)
    value = models.CharField(_("更正为"), max_length=300, blank=True, default="")
    answer = models.TextField(_("答复"), blank=True, default="")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number


class Notice(models.Model):
    """A line in somebody's inbox. mail: whether it also goes out by e-mail, and how far that is."""

    class Mail(models.TextChoices):
        NONE = "none", _("不发送")
        WAITING = "waiting", _("待发送")
        SENT = "sent", _("已发送")
        FAILED = "failed", _("未送达")

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    request = models.ForeignKey(Request, models.CASCADE, null=True, related_name="notices")
    correction = models.ForeignKey(Correction, models.CASCADE, null=True, related_name="notices")
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=20)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, choices=Mail, default=Mail.NONE)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["mail"], condition=models.Q(mail="waiting"), name="requests_notice_waiting")]

    def __str__(self) -> str:
        return self.kind
