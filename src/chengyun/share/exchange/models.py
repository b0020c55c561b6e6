# SPDX-License-Identifier: Apache-2.0
"""Who exchanges with us, and what they follow.

    Party ──< Subscription ──< Delivery       a key that signs for an organisation; what it follows; what is to be told
    Party ──< BulkFile                        a file made for it
    Nonce                                     requests seen, a row for those signed together, so that none is taken twice
    Target                                    a database that rows are pushed into
    Order ──< Place                           rows in an order that tells nothing of their keys

Receipts are entries of the ledger (log `exchange`); Receipt is the index to find them by. Days that have ended are counted once:
DayLine is what is published.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked


@tracked
class Party(models.Model):
    """A public key that speaks for an organisation: a department's system, or another node."""

    key_id = models.CharField(_("公钥指纹"), max_length=64, unique=True)
    jwk = models.JSONField(_("公钥"))
    name = models.CharField(_("名称"), max_length=100)
    organisation = models.ForeignKey("access.Organisation", models.PROTECT, related_name="parties", verbose_name=_("部门"))
    since = models.DateTimeField(_("起"), db_default=Now())
    revoked_at = models.DateTimeField(_("撤销"), null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        verbose_name = verbose_name_plural = _("交换方")

    def __str__(self) -> str:
        return self.name


class Nonce(models.Model):
    """Signed requests that were taken. Kept for twice the window in which one may be taken at all.

    once: of their key and nonce, or of the root that several are signed under (parties.py); nobody finds others that have the
    same. The column `seen` (bit varying) says which of those under the root were taken; at: when
    the last of them was.
    """

    once = models.UUIDField(primary_key=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [BrinIndex(fields=["at"], name="exchange_nonce_at_brin")]

    def __str__(self) -> str:
        return str(self.once)


class Receipt(models.Model):
    """What a receipt says, to be counted and found; the word itself stands in the ledger. Never changed but countersigned.

    number: UUID version 7, so that later ones are greater. entry, part: the ledger's row, and which of those said in it, from 1.
    """

    number = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    way = models.CharField(_("方式"), max_length=16)
    provider = models.CharField(_("提供方"), max_length=64)
    consumer = models.CharField(_("使用方"), max_length=64)
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    grants = ArrayField(models.CharField(max_length=16), default=list)
    rows = models.BigIntegerField(_("行数"))
    bytes = models.BigIntegerField(_("字节"), default=0)
    entry = models.BigIntegerField()
    part = models.SmallIntegerField(default=1, db_default=1)
    countersigned_at = models.DateTimeField(_("回签"), null=True)
    disclaimed_at = models.DateTimeField(_("声明未收到"), null=True)

    class Meta:
        ordering = ["-number"]
        # Receipts are written in the order of time: where a day's stand is found by blocks.
        indexes = [
            models.Index(fields=["consumer", "-number"], name="exchange_receipt_consumer"),
            BrinIndex(fields=["at"], name="exchange_receipt_at_brin", pages_per_range=32),
        ]
        verbose_name = verbose_name_plural = _("交换凭证")

    def __str__(self) -> str:
        return str(self.number)


class DayLine(models.Model):
    """What was exchanged on a local day that has ended, as published: counted once, and again when more was said of it."""

    day = models.DateField(_("日期"))
    way = models.CharField(_("方式"), max_length=16)
    provider = models.CharField(_("提供方"), max_length=64)
    consumer = models.CharField(_("使用方"), max_length=64)
    dataset = models.CharField(_("信息资源"), max_length=128)
    exchanges = models.BigIntegerField(_("次数"))
    rows = models.BigIntegerField(_("行数"))
    bytes = models.BigIntegerField(_("字节"))
    countersigned = models.BigIntegerField(_("回签"))

    class Meta:
        indexes = [models.Index(fields=["day"], name="exchange_dayline_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.consumer} ← {self.dataset}"


class DayCounted(models.Model):
    """A local day whose lines are counted, also where it has none."""

    day = models.DateField(primary_key=True)

    def __str__(self) -> str:
        return str(self.day)


class DayChanged(models.Model):
    """A receipt of a day that had ended was countersigned or disclaimed: the day is counted again."""

    day = models.DateField()

    def __str__(self) -> str:
        return str(self.day)


class Subscription(models.Model):
    """What a party follows. version: up to which it has acknowledged. url: where it is told; empty: it asks by itself.

    pending: the page that is being told, with its receipt, up to pending_to; the same one until it got through.
    terms: of what the party has (reading.terms_of); anew: they are others now, and it was told to read anew.
    purpose, fields: as for a read. failures: deliveries in a row that did not get through; retry_at: when the next is tried.
    """

    number = models.UUIDField(unique=True)
    party = models.ForeignKey(Party, models.PROTECT, related_name="subscriptions", verbose_name=_("交换方"))
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    fields = ArrayField(models.CharField(max_length=63), default=list)
    url = models.CharField(_("推送地址"), max_length=300, blank=True, default="")
    version = models.BigIntegerField(_("已确认版本"), default=0)
    made_at = models.DateTimeField(_("建立"), db_default=Now())
    acknowledged_at = models.DateTimeField(_("确认"), null=True)
    failures = models.IntegerField(_("连续失败"), default=0)
    reason = models.CharField(_("失败原因"), max_length=300, blank=True, default="")
    retry_at = models.DateTimeField(_("重试"), null=True)
    ended_at = models.DateTimeField(_("结束"), null=True)
    pending = models.BinaryField(null=True)
    pending_leaf = models.BinaryField(null=True)
    pending_to = models.BigIntegerField(null=True)
    terms = models.CharField(max_length=64, blank=True, default="")
    anew = models.BooleanField(_("须重读"), default=False)

    class Meta:
        ordering = ["id"]
        verbose_name = verbose_name_plural = _("订阅")

    def __str__(self) -> str:
        return f"{self.party} ← {self.dataset}"


class BulkFile(models.Model):
    """A file made for a party: its parts lie in the data folder; the manifest is what was signed."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待生成")
        READY = "ready", _("可下载")
        FAILED = "failed", _("失败")
        GONE = "gone", _("已清除")

    number = models.UUIDField(unique=True)
    party = models.ForeignKey(Party, models.PROTECT, related_name="files")
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    format = models.CharField(_("格式"), max_length=8)
    since_version = models.BigIntegerField(default=0)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    manifest = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = _("批量文件")

    def __str__(self) -> str:
        return str(self.number)


class Order(models.Model):
    """In what order a register's rows are read under pseudonyms of a purpose, by one version of their key; see orders.py.

    complete_to: every row that stood at this version or before has its place. used_at: when a reading last began.
    """

    dataset = models.CharField(max_length=128)
    purpose = models.CharField(max_length=32)
    key_version = models.IntegerField()
    complete_to = models.BigIntegerField(default=-1)
    used_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["dataset", "purpose", "key_version"], name="exchange_order_once")]

    def __str__(self) -> str:
        return f"{self.dataset} {self.purpose} {self.key_version}"


class Place(models.Model):
    """Where a row stands in an order: `place` is what questions.SALTED says of its key."""

    pk = models.CompositePrimaryKey("order_id", "place")
    order_id = models.IntegerField()
    place = models.BinaryField()
    row_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.order_id} {self.row_id}"


class Target(models.Model):
    """A table of another department's database that rows are pushed into. address: SQLAlchemy URL, encrypted.

    terms: of what it holds (reading.terms_of); where they are others, all is pushed anew.
    """

    name = models.SlugField(_("标识"), max_length=64, unique=True)
    party = models.ForeignKey(Party, models.PROTECT, related_name="targets", verbose_name=_("交换方"))
    dataset = models.CharField(_("信息资源"), max_length=128)
    purpose = models.CharField(_("用途"), max_length=32, blank=True, default="")
    address = models.TextField()
    table = models.CharField(_("目标表"), max_length=63)
    version = models.BigIntegerField(_("已推送版本"), default=0)
    terms = models.CharField(max_length=64, blank=True, default="")
    pushed_at = models.DateTimeField(_("推送"), null=True)
    reason = models.CharField(_("失败原因"), max_length=300, blank=True, default="")

    class Meta:
        ordering = ["name"]
        verbose_name = verbose_name_plural = _("推送目标")

    def __str__(self) -> str:
        return self.name
