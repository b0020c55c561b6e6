# SPDX-License-Identifier: Apache-2.0
"""Who is told of alerts.

AlertEvent ─trigger─▶ Change        what has happened and has not been looked at: an outbox in the event's own transaction
Plan                                routes, inhibitions, chains, webhooks: one document, kept in every version
Group ──< Member >── Alert          alerts told of together; a member may be muted
  └──< Notice ──< Delivery          what was said, and to whom it goes by which channel
Silence                             what is not told of, until when, by whom and why
Roster ──< Shift ──< Swap           who is on duty
"""

from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from chengyun.operate.models import Alert


class Change(models.Model):
    """Something that happened to an alert. Written by a trigger of the database, whoever wrote the event; taken away when it
    has been looked at."""

    alert_id = models.BigIntegerField()
    event_id = models.BigIntegerField()
    kind = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class Plan(models.Model):
    """How alerts are told of, as loaded; the newest counts. text: the file as it was."""

    text = models.TextField()
    version = models.CharField(max_length=12)
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["-id"]


class Group(models.Model):
    """Alerts that one notice speaks of.

    key: route and values of what they have in common. due_at: when it must be looked at whether to tell; None: nothing to
    tell. told: ids of the alerts the last notice spoke of. step: number of the chain's step that comes next; step_at: when.
    """

    key = models.CharField(max_length=400)
    route = models.CharField(_("路由"), max_length=63)
    labels = models.JSONField()
    since = models.DateTimeField(_("自"))
    due_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(_("通知时间"), null=True)
    told = models.JSONField(default=list)
    step = models.SmallIntegerField(default=0)
    step_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], condition=Q(ended_at=None), name="alerting_group_one_open")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="alerting_group_due"),
            models.Index(fields=["step_at"], condition=Q(ended_at=None), name="alerting_group_step"),
        ]


class Member(models.Model):
    """An alert in a group. muted: why nobody is told of it now: "" when they are. because: what mutes it."""

    class Muted(models.TextChoices):
        NOT = "", _("未静默")
        SILENCED = "silenced", _("已静默")
        INHIBITED = "inhibited", _("被抑制")

    alert = models.OneToOneField(Alert, models.CASCADE, related_name="membership")
    group = models.ForeignKey(Group, models.CASCADE, related_name="members")
    muted = models.CharField(max_length=9, choices=Muted, blank=True, default="")
    because = models.CharField(max_length=300, blank=True, default="")


class Notice(models.Model):
    """One thing that was said of a group. body: the alerts as they stood then."""

    class Kind(models.TextChoices):
        NEW = "new", _("新预警")
        CHANGED = "changed", _("有变化")
        REPEATED = "repeated", _("仍未解除")
        ESCALATED = "escalated", _("升级")
        ENDED = "ended", _("已解除")

    group = models.ForeignKey(Group, models.CASCADE, related_name="notices")
    kind = models.CharField(_("类别"), max_length=9, choices=Kind)
    at = models.DateTimeField(_("时间"))
    severity = models.CharField(_("级别"), max_length=8)
    title = models.CharField(_("标题"), max_length=300)
    body = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-id"]


class Delivery(models.Model):
    """A notice on its way to somebody. It may arrive twice when a process dies after sending; `key` tells that it is the same."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待发送")
        SENT = "sent", _("已发送")
        DEAD = "dead", _("发送失败")
        DROPPED = "dropped", _("已放弃")

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="deliveries")
    channel = models.CharField(_("渠道"), max_length=8)
    target = models.CharField(_("接收方"), max_length=300)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="alert_deliveries")
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    attempts = models.SmallIntegerField(_("次数"), default=0)
    next_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(_("发送时间"), null=True)
    seen_at = models.DateTimeField(_("已读"), null=True)
    error = models.CharField(_("错误"), max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["notice", "channel", "target"], name="alerting_delivery_once")]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state="waiting"), name="alerting_delivery_waiting"),
            models.Index(fields=["account", "-id"], name="alerting_delivery_inbox"),
        ]

    @property
    def key(self) -> str:
        """What tells a receiver that two arrivals are the same."""
        return f"{self.notice_id}.{self.channel}.{self.pk}"


class Silence(models.Model):
    """What is not told of. match: as in the plan; alert: this one alone. until: None: until the alert is resolved."""

    match = models.JSONField(_("匹配"), default=dict)
    alert = models.ForeignKey(Alert, models.CASCADE, null=True, related_name="silences")
    since = models.DateTimeField(_("自"))
    until = models.DateTimeField(_("至"), null=True)
    why = models.CharField(_("原因"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("设置人"))
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    ended_at = models.DateTimeField(_("结束"), null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]


class Roster(models.Model):
    """A post somebody is always to hold."""

    key = models.SlugField(_("标识"), max_length=63, unique=True)
    name = models.CharField(_("名称"), max_length=100)
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class Shift(models.Model):
    """One person's turn, [starts, ends)."""

    roster = models.ForeignKey(Roster, models.CASCADE, related_name="shifts")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="shifts", verbose_name=_("值班人"))
    starts = models.DateTimeField(_("开始"))
    ends = models.DateTimeField(_("结束"))

    class Meta:
        ordering = ["starts", "id"]
        constraints = [models.CheckConstraint(condition=Q(ends__gt=F("starts")), name="alerting_shift_has_length")]
        indexes = [models.Index(fields=["roster", "starts"], name="alerting_shift_when")]


class Swap(models.Model):
    """Somebody asks a colleague to take a turn; it is theirs when they agree."""

    class State(models.TextChoices):
        ASKED = "asked", _("待同意")
        AGREED = "agreed", _("已同意")
        REFUSED = "refused", _("已拒绝")

    shift = models.ForeignKey(Shift, models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["shift"], condition=Q(state="asked"), name="alerting_swap_one_asked"),
        ]
