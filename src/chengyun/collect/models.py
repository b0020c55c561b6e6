# SPDX-License-Identifier: Apache-2.0
"""Rows that could not be stored, kept with the reason until someone retries or drops them; and times of overload."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeadLetter(models.Model):
    """One row as it was sent. Written by the ingest process with SQL; settled by chengyun.collect.services."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待处理")
        RETRIED = "retried", _("已重试")
        DROPPED = "dropped", _("已丢弃")

    stream = models.CharField(_("感知流"), max_length=130)
    received_at = models.DateTimeField(_("收到时间"))
    actor = models.CharField(_("提交者"), max_length=200)
    source = models.CharField(_("来源"), max_length=200, blank=True, default="")
    simulated = models.BooleanField(_("模拟"), default=False)
    area_code = models.CharField(_("区域"), max_length=12, blank=True, default="")
    """Where the entity stands; empty when it is not known which entity the row is about."""
    code = models.CharField(_("原因代码"), max_length=40)
    reason = models.TextField(_("原因"))
    row = models.JSONField(_("原始内容"))
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.WAITING)
    retried_at = models.DateTimeField(_("处理时间"), null=True, blank=True)
    note = models.TextField(_("说明"), blank=True, default="")

    class Meta:
        verbose_name = _("问题数据")
        verbose_name_plural = _("问题数据")
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["state", "-received_at", "-id"], name="collect_dead_newest"),
            models.Index(fields=["stream", "state"], name="collect_dead_stream"),
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.received_at:%Y-%m-%d %H:%M:%S} {self.code}"


class Shedding(models.Model):
    """A stretch of time in which requests of one urgency were turned away. Written by the ingest process with SQL."""

    class Urgency(models.TextChoices):
        LIFE_SAFETY = "life_safety", _("生命安全")
        NORMAL = "normal", _("一般")
        BULK = "bulk", _("批量")

    urgency = models.CharField(_("紧急程度"), max_length=20, choices=Urgency.choices)
    since = models.DateTimeField(_("开始时间"))
    last = models.DateTimeField(_("最近一次"))
    until = models.DateTimeField(_("结束时间"), null=True, blank=True)
    """Empty while it goes on."""
    requests = models.BigIntegerField(_("请求数"))
    bytes = models.BigIntegerField(_("字节数"))

    class Meta:
        verbose_name = _("过载减量")
        verbose_name_plural = _("过载减量")
        ordering = ["-since", "urgency"]
        constraints = [models.UniqueConstraint(fields=["urgency", "since"], name="collect_shedding_once")]
        indexes = [models.Index(fields=["since"], condition=models.Q(until=None), name="collect_shedding_open")]

    def __str__(self) -> str:
        return f"{self.urgency} {self.since:%Y-%m-%d %H:%M:%S}"


class Sender(models.Model):
    """Who ever sent to a stream, and when last: what receipts of years say, in one row each. Written by services.note_senders."""

    stream = models.CharField(_("感知流"), max_length=130)
    actor = models.CharField(_("提交者"), max_length=200)
    source = models.CharField(_("来源"), max_length=200, blank=True, default="")
    newest = models.DateTimeField(_("最近一次"))
    seq = models.BigIntegerField()
    """Of the newest receipt that was looked at."""

    class Meta:
        verbose_name = _("发送方")
        verbose_name_plural = _("发送方")
        ordering = ["-newest"]
        constraints = [models.UniqueConstraint(fields=["stream", "actor", "source"], name="collect_sender_once")]
