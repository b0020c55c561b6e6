# SPDX-License-Identifier: Apache-2.0
"""Devices and gateways, what they are bound to, and everything that is known or was done about them.

Device ─┬─ Binding      which entity of which stream it measures, from when to when
        ├─ Credential   a user at the broker or a key over HTTP; only digests are kept
        ├─ Firmware, Calibration, Quarantine    history, each with its times
        ├─ Command      what it was told to do, and what became of it
        └─ DeviceState  what it last said of itself; written by the stream process, without history
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from chengyun.city.models import tracked

KEY = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", _("设备编码由字母、数字、点、横线和下划线组成，最多 64 个字符。"))
"""A device's key is a level of topics and a part of user names, so it has no slash, space, + or #."""


@tracked
class Device(models.Model):
    """A thing that measures or acts, or speaks for others."""

    class Kind(models.TextChoices):
        SENSOR = "sensor", _("传感器")
        ACTUATOR = "actuator", _("执行器")
        GATEWAY = "gateway", _("网关")

    class State(models.TextChoices):
        PLANNED = "planned", _("待接入")
        ACTIVE = "active", _("在用")
        RETIRED = "retired", _("已停用")

    class Reach(models.TextChoices):
        MQTT = "mqtt", "MQTT"
        HTTP = "http", "HTTP"

    key = models.CharField(_("设备编码"), max_length=64, unique=True, validators=[KEY])
    name = models.CharField(_("名称"), max_length=200)
    kind = models.CharField(_("类别"), max_length=10, choices=Kind.choices, default=Kind.SENSOR)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.PLANNED)
    reach = models.CharField(_("通信方式"), max_length=10, choices=Reach.choices, default=Reach.MQTT)
    gateway = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="behind", verbose_name=_("网关"))
    vendor = models.CharField(_("厂商"), max_length=100, blank=True, default="")
    model = models.CharField(_("型号"), max_length=100, blank=True, default="")
    serial = models.CharField(_("出厂编号"), max_length=100, blank=True, default="")
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="", db_index=True)
    lon = models.FloatField(_("经度"), null=True, blank=True)
    lat = models.FloatField(_("纬度"), null=True, blank=True)
    cadence_s = models.PositiveIntegerField(_("上报间隔（秒）"), null=True, blank=True)
    """How far apart it should be heard; None: as its streams say."""
    accepts = ArrayField(models.CharField(max_length=40), verbose_name=_("可执行的指令"), default=list, blank=True)
    calibrated_every_d = models.PositiveIntegerField(_("校准周期（天）"), null=True, blank=True)
    """None: it needs no calibration."""
    claim_digest = models.CharField(max_length=64, blank=True, default="")
    claim_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("设备")
        verbose_name_plural = _("设备")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name


class DeviceState(models.Model):
    """What a device last said of itself. battery: 0–1. online: None when it never said."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="said")
    seen_at = models.DateTimeField(null=True)
    online = models.BooleanField(null=True)
    online_at = models.DateTimeField(null=True)
    battery = models.FloatField(null=True)
    firmware = models.CharField(max_length=80, blank=True, default="")
    detail = models.JSONField(default=dict)


@tracked
class Binding(models.Model):
    """From `since` until `until` (exclusive; None: still) what a device measures is about an entity of a stream."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="bindings")
    stream = models.CharField(_("感知流"), max_length=130)
    entity = models.CharField(_("对象"), max_length=64)
    since = models.DateTimeField(_("起"))
    until = models.DateTimeField(_("止"), null=True, blank=True)

    class Meta:
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "stream"], condition=models.Q(until=None), name="things_one_entity_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["stream", "entity"], name="things_binding_entity")]


class Credential(models.Model):
    """A secret a device shows. digest: SHA-256 of a secret of 256 bits; broker: the same for Mosquitto's password file.

    fingerprint: SHA-256 of a client certificate instead of a secret; its user at the broker is its common name.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="credentials")
    username = models.CharField(_("用户名"), max_length=80, unique=True)
    digest = models.CharField(max_length=64, db_index=True, blank=True, default="")
    broker = models.CharField(max_length=200, blank=True, default="")
    fingerprint = models.CharField(_("证书指纹"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("签发时间"))
    expires_at = models.DateTimeField(_("到期时间"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]


class Firmware(models.Model):
    """A version that ran from a time on. source: `device` when it said so itself, else who entered it."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="firmwares")
    version = models.CharField(_("固件版本"), max_length=80)
    since = models.DateTimeField(_("起"))
    source = models.CharField(_("来源"), max_length=100)
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta:
        ordering = ["-since", "-id"]


@tracked
class Calibration(models.Model):
    """A calibration and how long it holds. quantity: "" for all. passed: whether the device measured within its limits."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="calibrations")
    quantity = models.CharField(_("测量项"), max_length=63, blank=True, default="")
    performed_at = models.DateTimeField(_("校准时间"))
    valid_until = models.DateTimeField(_("有效期至"))
    passed = models.BooleanField(_("合格"), default=True)
    certificate = models.CharField(_("证书编号"), max_length=100, blank=True, default="")
    by = models.CharField(_("校准单位"), max_length=100, blank=True, default="")
    deviation = models.FloatField(_("示值误差"), null=True, blank=True)
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta:
        ordering = ["-performed_at", "-id"]


class Command(models.Model):
    """What a device was told to do.

    queued → sent → acknowledged → done
        └──────┴──────────┴─────→ failed, expired
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("待发送")
        SENT = "sent", _("已发送")
        ACKNOWLEDGED = "acknowledged", _("已应答")
        DONE = "done", _("已完成")
        FAILED = "failed", _("失败")
        EXPIRED = "expired", _("已过期")

    device = models.ForeignKey(Device, models.CASCADE, related_name="commands")
    name = models.CharField(_("指令"), max_length=40)
    arguments = models.JSONField(_("参数"), default=dict)
    state = models.CharField(_("状态"), max_length=12, choices=State.choices, default=State.QUEUED)
    queued_at = models.DateTimeField(_("下达时间"))
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("应答时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    expires_at = models.DateTimeField(_("时限"))
    actor = models.CharField(_("下达人"), max_length=100)
    reason = models.CharField(_("原因"), max_length=500)
    answer = models.JSONField(_("回应"), null=True, blank=True)

    class Meta:
        ordering = ["-queued_at", "-id"]
        indexes = [
            models.Index(
                fields=["state", "expires_at"],
                condition=models.Q(state__in=["queued", "sent", "acknowledged"]),
                name="things_command_open",
            )
        ]


@tracked
class Quarantine(models.Model):
    """From `since` until `released_at` a device is not believed: its readings are kept and take no part in figures."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="quarantines")
    since = models.DateTimeField(_("起"))
    reason = models.CharField(_("原因"), max_length=500)
    by = models.CharField(_("决定人"), max_length=100)
    automatic = models.BooleanField(_("自动"), default=False)
    evidence = models.JSONField(_("依据"), default=dict)
    released_at = models.DateTimeField(_("解除时间"), null=True, blank=True)
    released_by = models.CharField(_("解除人"), max_length=100, blank=True, default="")
    released_because = models.CharField(_("解除原因"), max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["device"], condition=models.Q(released_at=None), name="things_one_quarantine")
        ]


@tracked
class Channel(models.Model):
    """A topic pattern an installation declares itself, beside those of its packs; see chengyun.city.Topic."""

    class Payload(models.TextChoices):
        JSON = "json", "JSON"
        PLAIN = "plain", _("单个数值")
        SPARKPLUG = "sparkplug", "Sparkplug B"

    key = models.SlugField(_("编码"), max_length=63, unique=True)
    pattern = models.CharField(_("主题模式"), max_length=250)
    stream = models.CharField(_("感知流"), max_length=130)
    payload = models.CharField(_("内容"), max_length=10, choices=Payload.choices, default=Payload.JSON)
    fields = models.JSONField(_("字段对应"), default=dict, blank=True)
    enabled = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = _("主题")
        verbose_name_plural = _("主题")
        ordering = ["key"]


class SparkplugNode(models.Model):
    """A Sparkplug node as it was last born, so that its aliases are known after a restart.

    births: device → metric → [alias, type].
    """

    name = models.CharField(max_length=250, primary_key=True)
    births = models.JSONField(default=dict)
    born_at = models.DateTimeField()
    online = models.BooleanField(default=True)


class Listener(models.Model):
    """A collector as it last reported: which broker, since when, how much."""

    client = models.CharField(max_length=120, primary_key=True)
    broker = models.CharField(max_length=200)
    connected = models.BooleanField()
    since = models.DateTimeField()
    reported_at = models.DateTimeField()
    says = models.TextField(blank=True, default="")
    counts = models.JSONField(default=dict)
