# SPDX-License-Identifier: Apache-2.0
"""What a node knows of its neighbours.

Neighbour ──< Sent, Taken                messages out and in, each by its own number
          ──< Offered                    what its catalogue says, public fields alone
          ──< Asking                     a request of ours to it, or of its to us
          ──< Mirror                     rows of its we keep
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


@tracked
class Neighbour(models.Model):
    """A node we exchange with. keys: its pinned public keys, by thumbprint, with `since` and `until` where
    one came after the other (access/successions.py); address: of its exchange, …/exchange/v1.

    organisation: what it is to our policy. seen_at: when it last answered; failing_since: None while it does.
    """

    name = models.CharField(_("节点"), max_length=63, unique=True)
    title = models.CharField(_("名称"), max_length=100, blank=True, default="")
    address = models.CharField(_("地址"), max_length=300)
    keys = models.JSONField(_("公钥"), default=dict)
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="+", verbose_name=_("部门"))
    active = models.BooleanField(_("启用"), default=True)
    harvested_at = models.DateTimeField(_("目录采集"), null=True)
    seen_at = models.DateTimeField(_("最近应答"), null=True)
    failing_since = models.DateTimeField(_("失联自"), null=True)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")

    class Meta:
        ordering = ["name"]
        verbose_name = verbose_name_plural = _("相邻节点")

    def __str__(self) -> str:
        return self.title or self.name


class Sent(models.Model):
    """A message to a neighbour, written in the transaction of what it tells. Kept until it was taken; tried for as long."""

    number = models.UUIDField(unique=True)
    neighbour = models.ForeignKey(Neighbour, models.CASCADE, related_name="sent")
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    step = models.IntegerField(default=1)
    body = models.JSONField(encoder=DjangoJSONEncoder)
    made_at = models.DateTimeField(db_default=Now())
    taken_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True, default="")
    reason = models.CharField(max_length=300, blank=True, default="")
    attempts = models.IntegerField(default=0)
    retry_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["neighbour", "id"], name="federation_sent_open", condition=models.Q(taken_at=None))]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Taken(models.Model):
    """A message from a neighbour that took effect, or was found not to; its number makes a repetition known."""

    neighbour = models.ForeignKey(Neighbour, models.CASCADE, related_name="taken")
    number = models.UUIDField()
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    step = models.IntegerField()
    at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=16)
    reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["neighbour", "number"], name="federation_taken_once")]
        indexes = [models.Index(fields=["neighbour", "subject", "-step"], name="federation_taken_subject")]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class Offered(models.Model):
    """A resource of a neighbour's catalogue, as it tells everybody. gone_at: since when it is no longer there."""

    neighbour = models.ForeignKey(Neighbour, models.CASCADE, related_name="offered")
    key = models.CharField(_("信息资源"), max_length=128)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["neighbour", "key"]
        constraints = [models.UniqueConstraint(fields=["neighbour", "key"], name="federation_offered_once")]

    def __str__(self) -> str:
        return self.key


@tracked
class Asking(models.Model):
    """A request between two nodes. ours: whether we asked. step: of the newest message that took effect.

    fields: field → clear, pseudonym or masked. grant: its number with the provider, once granted. request: what a neighbour's
    asking is here, where it is answered; None for ours.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待答复")
        GRANTED = "granted", _("已授权")
        REFUSED = "refused", _("已拒绝")
        REVOKED = "revoked", _("已撤销")
        RETURNED = "returned", _("退回补正")
        ENDED = "ended", _("已到期")

    number = models.UUIDField(unique=True)
    neighbour = models.ForeignKey(Neighbour, models.PROTECT, related_name="askings")
    ours = models.BooleanField()
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32)
    basis = models.CharField(_("依据"), max_length=300, blank=True, default="")
    fields = models.JSONField(_("字段"), default=dict)
    area_code = models.CharField(_("区域"), max_length=15, blank=True, default="")
    days = models.IntegerField(_("期限（天）"), default=365)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    step = models.IntegerField(default=1)
    grant = models.CharField(_("授权"), max_length=16, blank=True, default="")
    request = models.OneToOneField("requests.Request", models.PROTECT, null=True, related_name="asking")
    reason = models.CharField(_("理由"), max_length=300, blank=True, default="")
    made_at = models.DateTimeField(db_default=Now())
    answered_at = models.DateTimeField(_("答复"), null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("跨节点申请")

    def __str__(self) -> str:
        return f"{self.dataset} ({self.get_state_display()})"


class Mirror(models.Model):
    """Rows of a neighbour kept here. version: up to which they are whole; as_of and after: how far the round under way has come.

    A round that is broken off goes on at its last page: rows, cursor and receipt are kept in one transaction.
    terms: under which the rows were read, as the neighbour calls it. redraw: what is being read anew beside the rows there are,
    which stay until it is whole: "" nothing, "*" everything, or ranges (exchange.digests) in which the copy was damaged.
    checked_at: when it was last compared with the neighbour; differing: in how many ranges it was not what it should be.
    reason: why it could not be drawn, a Fault or a sentence; unchecked: why it could not be compared since, an Unchecked, a Fault
    or a sentence; "" where it could.
    """

    class Fault(models.TextChoices):
        AWAY = "away", _("来源没有应答，过一会儿再试")
        GONE = "gone", _("来源没有这项资源，或不再授权")

    class Unchecked(models.TextChoices):
        PARTIAL = "partial", _("尚未读全，未核对")
        DIGESTS = "digests", _("来源没有给出摘要，无法核对")
        ANEW = "anew", _("授权内容已变，正在整体重读")

    neighbour = models.ForeignKey(Neighbour, models.PROTECT, related_name="mirrors")
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    fields = ArrayField(models.CharField(max_length=63), default=list)
    table = models.CharField(max_length=63, unique=True)
    version = models.BigIntegerField(_("版本"), default=0)
    filled = models.BooleanField(default=False)
    as_of = models.BigIntegerField(null=True)
    after = models.CharField(max_length=400, blank=True, default="")
    terms = models.CharField(max_length=200, blank=True, default="")
    redraw = models.TextField(blank=True, default="")
    checked_at = models.DateTimeField(_("核对"), null=True)
    differing = models.IntegerField(default=0)
    unchecked = models.CharField(max_length=300, blank=True, default="")
    rows = models.BigIntegerField(_("行数"), default=0)
    drawn_at = models.DateTimeField(_("更新"), null=True)
    reason = models.CharField(_("失败原因"), max_length=300, blank=True, default="")
    retry_at = models.DateTimeField(db_default=Now())
    failures = models.IntegerField(default=0)

    class Meta:
        ordering = ["neighbour", "dataset"]
        constraints = [models.UniqueConstraint(fields=["neighbour", "dataset", "purpose"], name="federation_mirror_once")]
        verbose_name = verbose_name_plural = _("镜像")

    def __str__(self) -> str:
        return f"{self.neighbour} → {self.dataset}"
